"""DMARC evaluation without I/O (RFC 7489, section 6.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from filter_engine.auth.dmarc_record import (
    DmarcRecord,
    DmarcSyntaxError,
    is_record,
    parse_record,
)
from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.dns.names import organisational_domain, to_ascii, to_wire
from filter_engine.lazy_dataclass import settled
from filter_engine.scan.question import Ask, DnsAnswer


@settled
class DmarcDiscovery:
    """The record that applies, or the result without one."""

    domain: str
    record: DmarcRecord | None
    code: DmarcCode = DmarcCode.NONE
    problem: str = ""
    detail: str = ""
    """Why DNS failed, naming the resolver."""


def judge(
    found: DmarcDiscovery,
    from_domain: str,
    spf: SpfResult | None,
    dkim: DkimResult | None,
    coin: int,
    *,
    sampling: bool = True,
) -> DmarcResult:
    """What DMARC says about a message with this one From domain (section 6.6.2).

    ``coin`` is a number from 0 to 99 that decides, with ``pct``, whether the policy applies in full
    (section 6.6.4); without ``sampling`` it always does.
    """
    domain = to_ascii(from_domain) or from_domain
    if found.record is None:
        return DmarcResult(
            found.code, domain, found.domain, reason=found.problem, detail=found.detail
        )
    record = found.record
    policy = record.policy
    if found.domain != domain and record.subdomain_policy is not None:
        policy = record.subdomain_policy
    reasons: list[str] = []
    spf_aligned, spf_unknown = _spf_alignment(spf, domain, record.strict_spf, reasons)
    dkim_aligned, dkim_unknown = _dkim_alignment(dkim, domain, record.strict_dkim, reasons)
    if spf_aligned or dkim_aligned:
        return DmarcResult(
            DmarcCode.PASS,
            domain,
            found.domain,
            policy,
            spf_aligned=spf_aligned,
            dkim_aligned=dkim_aligned,
            aggregate=record.aggregate,
        )
    if spf_unknown or dkim_unknown:
        return DmarcResult(
            DmarcCode.TEMPERROR, domain, found.domain, policy, reason="SPF/DKIM temp error"
        )
    spared = sampling and coin >= record.percent and policy is not DmarcPolicy.NONE
    return DmarcResult(
        DmarcCode.FAIL,
        domain,
        found.domain,
        policy,
        _milder(policy) if spared else policy,
        spared,
        reason=", ".join(reasons),
        aggregate=record.aggregate,
    )


async def discover(ask: Ask, from_domain: str) -> DmarcDiscovery:
    """The record of the domain, else of its organisational domain (section 6.6.3).

    Both are asked for at once. A failure to learn whether the domain has a record of its own is
    temperror, whatever the organisation says.
    """
    return (await discover_all(ask, (from_domain,)))[0]


async def discover_all(ask: Ask, from_domains: Sequence[str]) -> tuple[DmarcDiscovery, ...]:
    """``discover`` for several From domains, all asked for at once."""
    names: dict[str, None] = {}
    for one in from_domains:
        domain = to_ascii(one)
        if domain is not None and to_wire(f"_dmarc.{domain}") is not None:
            names[f"_dmarc.{domain}"] = names[f"_dmarc.{organisational_domain(domain)}"] = None
    answered = await ask.all(*(ask.dns(name, "TXT") for name in names))
    known = dict(zip(names, answered, strict=True))
    return tuple(_of_answers(one, known) for one in from_domains)


def _of_answers(from_domain: str, known: Mapping[str, DnsAnswer]) -> DmarcDiscovery:
    domain = to_ascii(from_domain)
    if domain is None or f"_dmarc.{domain}" not in known:
        return DmarcDiscovery(from_domain[:255], None, problem="not a domain name")
    organisation = organisational_domain(domain)
    found = _read(known[f"_dmarc.{domain}"], domain)
    if found.code is not DmarcCode.NONE or organisation == domain:
        return found
    return _read(known[f"_dmarc.{organisation}"], organisation)


def _read(answer: DnsAnswer, domain: str) -> DmarcDiscovery:
    if answer.failed:
        return DmarcDiscovery(domain, None, DmarcCode.TEMPERROR, "DNS error", answer.detail)
    records = [text for text in answer.records if is_record(text)]
    if not records:
        return DmarcDiscovery(
            domain, None, problem="no valid DMARC record" if answer.records else ""
        )
    if len(records) > 1:
        problem = "Multiple policies defined in DNS"
        return DmarcDiscovery(domain, None, DmarcCode.PERMERROR, problem)
    try:
        return DmarcDiscovery(domain, parse_record(records[0]), DmarcCode.PASS)
    except DmarcSyntaxError as error:
        return DmarcDiscovery(domain, None, DmarcCode.PERMERROR, str(error))


def _aligned(identity: str, domain: str, strict: bool) -> bool:
    """Section 3.1: equal, or of one organisation."""
    identity = identity.lower()
    return identity == domain or (
        not strict and organisational_domain(identity) == organisational_domain(domain)
    )


def _spf_alignment(
    spf: SpfResult | None, domain: str, strict: bool, reasons: list[str]
) -> tuple[bool, bool]:
    """(passed for an aligned domain, failed temporarily for one)."""
    if spf is not None and spf.result is SpfCode.PASS:
        if _aligned(spf.domain, domain, strict):
            return True, False
        reasons.append(f"SPF not aligned ({'strict' if strict else 'relaxed'})")
        return False, False
    reasons.append("No valid SPF")
    failed = spf is not None and spf.result is SpfCode.TEMPERROR
    return False, failed and spf is not None and _aligned(spf.domain, domain, strict)


def _dkim_alignment(
    dkim: DkimResult | None, domain: str, strict: bool, reasons: list[str]
) -> tuple[bool, bool]:
    """(a signature of an aligned domain verifies, one failed temporarily)."""
    signatures = dkim.signatures if dkim is not None else ()
    aligned = {s.result for s in signatures if _aligned(s.domain, domain, strict)}
    if DkimCode.PASS in aligned:
        return True, False
    if any(s.result is DkimCode.PASS for s in signatures):
        reasons.append(f"DKIM not aligned ({'strict' if strict else 'relaxed'})")
    elif not signatures:
        reasons.append("No valid DKIM")
    return False, DkimCode.TEMPERROR in aligned


def _milder(policy: DmarcPolicy) -> DmarcPolicy:
    """What applies to messages that ``pct`` spares (section 6.6.4)."""
    return DmarcPolicy.QUARANTINE if policy is DmarcPolicy.REJECT else DmarcPolicy.NONE
