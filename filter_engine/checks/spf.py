"""SPF: may this client send for the envelope's domain? (RFC 7208, Rspamd's module spf)"""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from typing import ClassVar

from filter_engine.auth.kept import MAX_RECORDS
from filter_engine.auth.results import SpfCode, SpfResult
from filter_engine.auth.spf import MAX_NESTING, Limits, check_host, checked_identity
from filter_engine.auth.spf_record import keep
from filter_engine.checks.sender_policy import SenderPolicyOptions, is_exempt
from filter_engine.config.addresses import AddressSet
from filter_engine.config.kinds import ADDRESSES, BOOLEAN, INTEGER, at_least
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding, Outcome

_GROUPS = ("policies", "spf")

SYMBOLS = {
    SpfCode.PASS: "R_SPF_ALLOW",
    SpfCode.FAIL: "R_SPF_FAIL",
    SpfCode.SOFTFAIL: "R_SPF_SOFTFAIL",
    SpfCode.NEUTRAL: "R_SPF_NEUTRAL",
    SpfCode.NONE: "R_SPF_NA",
    SpfCode.TEMPERROR: "R_SPF_DNSFAIL",
    SpfCode.PERMERROR: "R_SPF_PERMFAIL",
}


@options_class
class SpfOptions(SenderPolicyOptions):
    """The section ``spf``."""

    strict: bool = option(
        BOOLEAN,
        False,
        doc="end at the first failing include as RFC 7208 says; Rspamd looks at the rest as well",
    )
    whitelist: AddressSet = option(ADDRESSES, AddressSet(), doc="clients that are not checked")
    external_relay: AddressSet = option(
        ADDRESSES,
        AddressSet(),
        doc="relays in front of this site; the client they name in Received is checked instead",
    )
    spf_cache_size: int = option(
        at_least(INTEGER, 0), MAX_RECORDS, unit="records", doc="parsed records that are kept"
    )
    max_dns_nesting: int = option(
        at_least(INTEGER, 1), MAX_NESTING, doc="includes and redirects inside each other"
    )
    max_dns_requests: int = option(
        at_least(INTEGER, 1), 30, doc="DNS questions for one mail; more is permerror"
    )
    domains: MapDefinition | None = option(
        MAP_DEFINITION,
        None,
        doc="check mail of these senders' domains alone (rmilter's spf_domains); of others nothing "
        "is known, so that DMARC needs a signature; by default every domain is checked",
    )
    disable_ipv6: bool = option(
        BOOLEAN, False, doc="look up no AAAA records: a and mx match no IPv6 client"
    )
    anchor: ClassVar[str] = "modules/spf"
    known: ClassVar[Mapping[str, Option]] = unserved("spf")


@frozen
class _Scope:
    """What one check may cost, and whose mail it is for."""

    limits: Limits
    domains: Map | None


def _prepare(options: SpfOptions, setup: Setup) -> _Scope:
    keep(options.spf_cache_size)
    limits = Limits(
        options.max_dns_nesting, options.max_dns_requests, ipv6=not options.disable_ipv6
    )
    if options.domains is None:
        return _Scope(limits, None)
    return _Scope(limits, setup.maps.of(options.domains, MapKind.HASH, "spf.domains"))


@check(
    "spf",
    callback="SPF_CHECK",
    on_empty=True,
    symbols=(
        Symbol("R_SPF_ALLOW", -0.2, "SPF: the domain lets this client send", _GROUPS),
        Symbol("R_SPF_FAIL", 1.0, "SPF: the domain forbids this client to send", _GROUPS),
        Symbol("R_SPF_SOFTFAIL", 0.0, "SPF: the domain doubts this client", _GROUPS),
        Symbol("R_SPF_NEUTRAL", 0.0, "SPF: the domain says nothing about this client", _GROUPS),
        Symbol("R_SPF_NA", 0.0, "SPF: the domain has no record", _GROUPS, one_shot=True),
        Symbol("R_SPF_DNSFAIL", 0.0, "SPF: DNS failed, nothing is known", _GROUPS),
        Symbol("R_SPF_PERMFAIL", 0.0, "SPF: the domain's record cannot be used", _GROUPS),
        Symbol("R_SPF_PLUSALL", 4.0, "SPF: the domain lets everybody send", _GROUPS),
    ),
    options=SpfOptions,
    prepare=_prepare,
)
async def spf(task: Task, ask: Ask) -> Outcome | None:
    """Checks the envelope sender's domain, or the HELO name for a null sender."""
    options = task.options(SpfOptions)
    ip = _client(task, options)
    if ip is None or ip in options.whitelist or is_exempt(task, options):
        return None
    scope: _Scope | None = task.state("spf")
    helo = (task.envelope.helo or "").strip()
    domain, sender, by_helo = checked_identity(task.envelope.mail_from, helo)
    if scope is not None and scope.domains is not None and domain.lower() not in scope.domains:
        return None
    result = await check_host(
        ask,
        ip,
        domain,
        sender,
        helo,
        receiver=task.server,
        now=int(task.now),
        tolerant=not options.strict,
        limits=scope.limits if scope is not None else None,
    )
    if by_helo:
        result = replace(result, by_helo=True)
    symbol = SYMBOLS[result.result]
    if result.result is SpfCode.PASS and result.mechanism.lower() == "+all":
        symbol = "R_SPF_PLUSALL"
    shown = result.mechanism or result.problem
    if result.result is SpfCode.NONE:
        shown = "no SPF record"
    finding = Finding(symbol, (shown,), evidence=_evidence(result))
    return Outcome((finding,), result)


def _client(task: Task, options: SpfOptions) -> IPv4Address | IPv6Address | None:
    """The client, or the one that an external relay wrote into its Received field."""
    if not options.external_relay:
        return task.ip
    trace = task.message.received
    for hop, before in pairwise(trace):
        if hop.from_ip in options.external_relay:
            return client_ip(before.from_ip) or task.ip
    return task.ip


def _evidence(result: SpfResult) -> str:
    what = result.mechanism or result.problem
    detail = f" ({result.detail})" if result.detail else ""
    return f"{result.domain}: {result.result.value} for {result.ip} by {what}{detail}"
