"""DMARC: does the From domain stand behind the message? (RFC 7489, Rspamd's module dmarc)"""

# option() makes a dataclasses.field; evaluated once on purpose

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from zlib import crc32

from filter_engine.auth.dmarc import discover_all, judge
from filter_engine.auth.results import (
    DkimResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfResult,
)
from filter_engine.checks.dmarc_reporting_options import DMARC_REPORTING, DmarcReporting
from filter_engine.checks.sender_policy import SenderPolicyOptions, author_domains, is_exempt
from filter_engine.config.kinds import BOOLEAN, one_of, section
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition, MapKind
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Kind, Option, Section, option
from filter_engine.dns.names import cleaned_host
from filter_engine.maps.map import Map
from filter_engine.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_GROUPS = ("policies", "dmarc")
MAX_AUTHORS = 16
"""Domains of From whose policies are looked up; mail with more is as mail that fails."""
_SEVERITY = (DmarcPolicy.NONE, DmarcPolicy.QUARANTINE, DmarcPolicy.REJECT)
_ACTION: Kind[str] = one_of(
    "",
    *(spelling for a in Action for spelling in dict.fromkeys((a.value, a.value.replace(" ", "_")))),
)


@options_class
class DmarcActions(Section):
    """``dmarc.actions``: the action each outcome raises a message to; empty = only the score."""

    reject: str = option(_ACTION, "", doc="when the domain asks to reject")
    quarantine: str = option(_ACTION, "", doc="when the domain asks to quarantine")
    softfail: str = option(_ACTION, "", doc="when it fails and the domain asks for nothing")
    na: str = option(_ACTION, "", doc="when the domain has no record")


@options_class
class DmarcOptions(SenderPolicyOptions):
    """The section ``dmarc``."""

    reporting: DmarcReporting = option(DMARC_REPORTING, DmarcReporting(), doc="aggregate reports")
    no_sampling_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="domains whose pct= is not obeyed"
    )
    no_reporting_domains: MapDefinition | None = option(
        MAP_DEFINITION, None, doc="older name of reporting.exclude_domains, which counts first"
    )
    auth_and_local_conf: bool = option(
        BOOLEAN, False, doc="check logged-in and local clients as well: check_authed, check_local"
    )

    actions: DmarcActions = option(
        section(DmarcActions, "dmarc.actions"), DmarcActions(), doc="what outcomes lead to"
    )
    anchor: ClassVar[str] = "modules/dmarc"
    known: ClassVar[Mapping[str, Option]] = unserved("dmarc")
    retired: ClassVar[Mapping[str, str]] = {
        "send_reports": "reports are configured in reporting { }",
        "report_settings": "reports are configured in reporting { }",
    }


def _prepare(options: DmarcOptions, setup: Setup) -> Map | None:
    """The domains whose ``pct`` is not obeyed, if the site names any."""
    written = options.no_sampling_domains
    where = "dmarc.no_sampling_domains"
    return None if written is None else setup.maps.of(written, MapKind.SET, where)


@check(
    "dmarc",
    callback="DMARC_CHECK",
    symbols=(
        Symbol("DMARC_POLICY_ALLOW", -0.5, "DMARC: an aligned domain vouches for it", _GROUPS),
        # A composite (conf/composites.conf); its score stands with the others.
        Symbol(
            "DMARC_POLICY_ALLOW_WITH_FAILURES",
            -0.5,
            "DMARC: an aligned domain vouches for it, though SPF or a signature fails",
            _GROUPS,
        ),
        Symbol("DMARC_POLICY_REJECT", 2.0, "DMARC: fails, the domain asks to reject", _GROUPS),
        Symbol(
            "DMARC_POLICY_QUARANTINE", 1.5, "DMARC: fails, the domain asks to quarantine", _GROUPS
        ),
        Symbol("DMARC_POLICY_SOFTFAIL", 0.1, "DMARC: fails, the domain asks for nothing", _GROUPS),
        Symbol("DMARC_NA", 0.0, "DMARC: the domain has no record", _GROUPS),
        Symbol("DMARC_BAD_POLICY", 0.0, "DMARC: the domain's record cannot be used", _GROUPS),
        Symbol("DMARC_DNSFAIL", 0.0, "DMARC: DNS failed, nothing is known", _GROUPS),
    ),
    options=DmarcOptions,
    prepare=_prepare,
    needs=("spf", "dkim"),
)
async def dmarc(task: Task, ask: Ask) -> Outcome | None:
    """Looks the policy up while SPF and DKIM are still at work, then waits for both."""
    options = task.options(DmarcOptions)
    if not options.auth_and_local_conf and is_exempt(task, options):
        return None
    domains = author_domains(task.message)
    problem = _problem(task.message, domains)
    if problem and not (domains and _may_act(options.actions)):
        result = DmarcResult(DmarcCode.NONE, reason=problem)
        return _outcome(Finding("DMARC_NA", (problem,)), result, options.actions.na)
    found = await discover_all(ask, domains[:MAX_AUTHORS])
    spf, dkim = await ask.all(ask.result("spf"), ask.result("dkim"))
    spf = spf if isinstance(spf, SpfResult) else None
    dkim = dkim if isinstance(dkim, DkimResult) else None
    coin = 0
    if any(one.record is not None and one.record.percent < 100 for one in found):
        # The coin is the same for a replayed scan and cannot be foreseen by the sender.
        coin = crc32(repr(task.now).encode(), crc32(task.message.raw)) % 100
    unsampled = task.state("dmarc")
    results = [
        judge(
            one, domain, spf, dkim, coin, sampling=unsampled is None or one.domain not in unsampled
        )
        for one, domain in zip(found, domains, strict=False)
    ]
    if problem:
        return _strictest(problem, results, len(domains), options.actions)
    return _report(results[0], options.actions)


def _problem(message: Message, domains: Sequence[str]) -> str:
    """Why From names no one domain to judge; ``""`` if it does.

    Addresses without a domain are not counted where another one has a domain: ``<>`` beside it
    hides nothing from who reads the mail.
    """
    addresses = message.from_addresses
    if not addresses:
        return "No From header"
    if not domains:
        return "Duplicate From header" if len(addresses) > 1 else "No domain in From header"
    placed = sum(1 for address in addresses if cleaned_host(address.domain))
    return "Duplicate From header" if placed > 1 else ""


def _may_act(actions: DmarcActions) -> bool:
    return bool(actions.reject or actions.quarantine or actions.softfail)


def _strictest(
    problem: str, results: Sequence[DmarcResult], authors: int, actions: DmarcActions
) -> Outcome:
    """For several From addresses: Rspamd's symbol, with the action of the strictest policy that
    fails (RFC 7489, section 6.6.1)."""
    value = DmarcResult(DmarcCode.NONE, reason=problem)
    failed = [one for one in results if one.result is DmarcCode.FAIL]
    if authors > len(results):
        said = f"{authors} From domains, more than are looked up"
        return _outcome(Finding("DMARC_NA", (problem,), 1.0, said), value, actions.reject)
    if not failed:
        return _outcome(Finding("DMARC_NA", (problem,)), value, actions.na)
    worst = max(failed, key=lambda one: _SEVERITY.index(one.disposition))
    said = f"{worst.record_domain} fails ({worst.disposition.value}); domains of From: {authors}"
    action = {
        DmarcPolicy.REJECT: actions.reject,
        DmarcPolicy.QUARANTINE: actions.quarantine,
    }.get(worst.disposition, actions.softfail)
    return _outcome(Finding("DMARC_NA", (problem,), 1.0, said), value, action)


def _report(result: DmarcResult, actions: DmarcActions) -> Outcome:
    where = result.record_domain
    policy = result.policy.value if result.policy is not None else ""
    match result.result:
        case DmarcCode.PASS:
            return Outcome((Finding("DMARC_POLICY_ALLOW", (where, policy)),), result)
        case DmarcCode.NONE:
            text = f"{where}: {result.reason}" if result.reason else where
            return _outcome(Finding("DMARC_NA", (text,)), result, actions.na)
        case DmarcCode.PERMERROR:
            return Outcome((Finding("DMARC_BAD_POLICY", (f"{where} : {result.reason}",)),), result)
        case DmarcCode.TEMPERROR:
            options = (f"{where} : {result.reason}", policy)
            finding = Finding("DMARC_DNSFAIL", tuple(filter(None, options)), evidence=result.detail)
            return Outcome((finding,), result)
    spared = ("sampled_out",) if result.sampled_out else ()
    reasons = (f"{where} : {result.reason}", policy, *spared)
    match result.disposition:
        case DmarcPolicy.REJECT:
            return _outcome(Finding("DMARC_POLICY_REJECT", reasons), result, actions.reject)
        case DmarcPolicy.QUARANTINE:
            finding = Finding("DMARC_POLICY_QUARANTINE", reasons)
            return _outcome(finding, result, actions.quarantine)
        case _:
            return _outcome(Finding("DMARC_POLICY_SOFTFAIL", reasons), result, actions.softfail)


def _outcome(finding: Finding, result: DmarcResult, action: str) -> Outcome:
    """With the site's action for this outcome, which the score may still exceed."""
    if not action:
        return Outcome((finding,), result)
    wanted = PreResult(
        Action.parse(action), "Action set by DMARC", "dmarc", least=True, stops=False
    )
    return Outcome((finding,), result, wanted)
