"""Which network the client's address belongs to: number, prefix and country (module asn)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.checks.rbl.elements import reversed_octets
from filter_engine.config.kinds import BOOLEAN, STRING, one_of
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.tables import table_of
from filter_engine.lazy_dataclass import settled
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_DEFAULT_ZONES: Final = {"ip4": "asn.rspamd.com", "ip6": "asn6.rspamd.com"}
_FAILED: Final = "ASN_FAIL"
_GROUPS: Final = ("asn",)
_MAX_FIELD: Final = 64


@settled
class AsnResult:
    """What is known of the client's network; an empty field is not known."""

    asn: str = ""
    """Number of the autonomous system, digits only."""
    ipnet: str = ""
    """The announced prefix."""
    country: str = ""
    """Two letters."""


@options_class
class AsnOptions(Section):
    """Network and country of the client's address, from DNS."""

    provider_type: str = option(one_of("rspamd"), "rspamd", doc="whose zones are asked")
    provider_info: Mapping[str, str] = option(
        table_of(STRING),
        MappingProxyType(_DEFAULT_ZONES),
        doc="zones for IPv4 (ip4) and IPv6 (ip6), which answer with a TXT record: "
        "number | prefix | country | ...",
    )
    symbol: str = option(STRING, "ASN", doc="symbol for an answer; empty: none")
    check_local: bool = option(BOOLEAN, False, doc="also for clients in local_networks")
    anchor: ClassVar[str] = "modules/asn"
    known: ClassVar[Mapping[str, Option]] = unserved("asn")


def _symbols_of(options: AsnOptions) -> tuple[Symbol, ...]:
    if options.symbol in ("", "ASN"):
        return ()
    return (
        Symbol(options.symbol, 0.0, "Network and country of the client", _GROUPS),
        Symbol(
            f"{options.symbol}_FAIL", 0.0, "The client's network could not be looked up", _GROUPS
        ),
    )


@check(
    "asn",
    options=AsnOptions,
    symbols=(
        Symbol("ASN", 0.0, "Network and country of the client", _GROUPS),
        Symbol(_FAILED, 0.0, "The client's network could not be looked up", _GROUPS),
    ),
    symbols_of=_symbols_of,
)
async def asn(task: Task, ask: Ask) -> Outcome | None:
    """Asks for the origin of the client's address; the value is an ``AsnResult``."""
    options = task.options(AsnOptions)
    ip = task.ip
    if ip is None or (task.local and not options.check_local):
        return None
    family = f"ip{ip.version}"
    zone = (options.provider_info.get(family) or _DEFAULT_ZONES[family]).strip(".")
    name = f"{reversed_octets(ip)}.{zone}"
    answer = await ask.dns(name, "TXT")
    if answer.failed:
        failed = f"{options.symbol}_FAIL" if options.symbol else _FAILED
        evidence = f"{name} TXT: {answer.detail or 'no answer'}"
        return Outcome((Finding(failed, (f"{name}:no answer",), 1.0, evidence),))
    if not answer.records:
        return None
    text = answer.records[0].decode("ascii", "replace")
    result = read_origin(text)
    shown = ", ".join(
        f"{key}:{value}"
        for key, value in (
            ("asn", result.asn),
            ("ipnet", result.ipnet),
            ("country", result.country),
        )
        if value
    )
    findings = (Finding(options.symbol, (shown,), 1.0, f"{name} TXT: {text[:256]}"),)
    return Outcome(findings if options.symbol else (), result)


def read_origin(text: str) -> AsnResult:
    """An answer such as ``15169 | 192.0.2.0/24 | US | arin |``; what is no number is no ASN."""
    fields = [field.strip()[:_MAX_FIELD] for field in text.split("|")[:3]]
    number, prefix, country = (*fields, "", "", "")[:3]
    first = number.split(" ")[0]  # of several origins the first
    return AsnResult(first if first.isascii() and first.isdecimal() else "", prefix, country)
