"""Whether the sender's domain can take mail at all (module mx_check).

Symbols are those of Rspamd 4.1's module, which took the place of MX_MISSING and the like. Sources:
RFC 5321, section 5.1 (the MX, else the address), RFC 7505 (null MX).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from filter_engine.checks.mx_check_options import (
    SYMBOLS,
    MxCheckOptions,
    symbols_of_options,
)
from filter_engine.checks.mx_probe import best, probe
from filter_engine.config.addresses import AddressSet
from filter_engine.config.map_definition import MapDefinition, MapKind
from filter_engine.dns.names import organisational_domain, to_ascii
from filter_engine.lazy_dataclass import frozen, mutable
from filter_engine.maps import Map
from filter_engine.scan.declare import check
from filter_engine.scan.exchange import Reply
from filter_engine.scan.question import Ask, DnsAnswer, Question
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

IP = IPv4Address | IPv6Address

_LOOPBACK: Final = AddressSet(("127.0.0.0/8", "::1/128"))
_LOCAL: Final = AddressSet(
    ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# RFC 6890 and its updates: nobody can be reached there.
_BOGON: Final = AddressSet(
    (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "64:ff9b::/96",
        "100::/64",
        "2001:db8::/32",
        "fe80::/10",
        "ff00::/8",
    )
)
_MAX_WEIGHT: Final = 100.0


@frozen
class MxMaps:
    """The maps of the module; None where a site has none."""

    exclude_domains: Map | None
    exclude_mxs: Map | None
    exclude_ips: Map | None
    bad_mxs: Map | None
    bad_ips: Map | None


@mutable
class _Domain:
    """One domain on its way."""

    name: str
    prefix: str
    hosts: tuple[str, ...] = ()
    fallback: bool = False
    """It has no MX: its own address counts."""
    findings: list[Finding] = field(default_factory=list)
    evidence: str = ""
    null: bool = False
    reachable: tuple[IP, ...] = ()
    """Addresses that are connected to."""

    def find(self, symbol: str, *options: str, weight: float = 1.0, evidence: str = "") -> None:
        shown = (self.name, *options)
        text = evidence or self.evidence
        self.findings.append(Finding(f"{self.prefix}{symbol}", shown, weight, text))


def _prepare(options: MxCheckOptions, setup: Setup) -> MxMaps:
    def made(written: MapDefinition | None, kind: MapKind, name: str) -> Map | None:
        return None if written is None else setup.maps.of(written, kind, f"mx_check.{name}")

    return MxMaps(
        made(options.exclude_domains, MapKind.GLOB, "exclude_domains"),
        made(options.exclude_mxs, MapKind.GLOB, "exclude_mxs"),
        made(options.exclude_ips, MapKind.RADIX, "exclude_ips"),
        made(options.bad_mxs, MapKind.GLOB, "bad_mxs"),
        made(options.bad_ips, MapKind.RADIX, "bad_ips"),
    )


@check(
    "mx_check",
    options=MxCheckOptions,
    symbols=SYMBOLS,
    symbols_of=symbols_of_options,
    prepare=_prepare,
)
async def mx_check(task: Task, ask: Ask) -> Outcome | None:
    """Looks up the MX of the sender's, From's and Reply-To's domain, and connects to them."""
    options = task.options(MxCheckOptions)
    if (task.authenticated and not options.check_authorized) or (
        task.ip is not None and task.local and not options.check_local
    ):
        return None
    maps: MxMaps = task.state("mx_check") or MxMaps(None, None, None, None, None)
    domains = [_Domain(name, prefix) for name, prefix in _domains(task, options).items()]
    open_ = []
    for domain in domains:
        if maps.exclude_domains is not None and domain.name in maps.exclude_domains:
            domain.find("MX_WHITE", evidence="exclude_domains")
        else:
            open_.append(domain)
    answers = await ask.all(*(ask.dns(domain.name, "MX") for domain in open_))
    open_ = [d for d, answer in zip(open_, answers, strict=True) if _exchanges(d, answer, options)]
    open_ = [domain for domain in open_ if not _known(domain, maps)]
    questions = [
        ask.dns(host, rdtype)
        for domain in open_
        for host in domain.hosts
        for rdtype in _types(options)
    ]
    found = dict(zip(questions, await ask.all(*questions), strict=True))
    for domain in open_:
        _judge(domain, found, maps, options, ask)
    await _probe([domain for domain in open_ if domain.reachable], options, ask)
    findings = tuple(finding for domain in domains for finding in domain.findings)
    return Outcome(findings, pre_result=_rejection(task, domains, options)) if findings else None


def _domains(task: Task, options: MxCheckOptions) -> dict[str, str]:
    """Domain -> prefix of its symbols; of several sources the first counts."""
    found: dict[str, str] = {}
    message = task.message
    if options.check_from:
        sender = task.envelope.sender_domain or organisational_domain(task.envelope.helo or "")
        _add(found, sender, options.symbol_prefix_from)
    if options.check_reply_to:
        for address in message.reply_to[:1]:
            _add(found, address.domain, options.symbol_prefix_reply_to)
    if options.check_mime_from:
        for address in message.from_addresses[:1]:
            _add(found, address.domain, options.symbol_prefix_mime_from)
    return found


def _add(found: dict[str, str], domain: str, prefix: str) -> None:
    name = to_ascii(domain) if domain and len(domain) < 256 and "[" not in domain else None
    if name:
        found.setdefault(name, prefix)


def _types(options: MxCheckOptions) -> tuple[str, ...]:
    families = (("A", options.probe_ipv4), ("AAAA", options.probe_ipv6))
    return tuple(rdtype for rdtype, wanted in families if wanted)


def _exchanges(domain: _Domain, answer: DnsAnswer, options: MxCheckOptions) -> bool:
    """Note the hosts that take the domain's mail; False when all is said already."""
    if answer.failed:
        domain.find("MX_DNS_FAIL", evidence=f"{domain.name} MX: {answer.detail or 'no answer'}")
        return False
    if answer.missing:
        domain.fallback, domain.hosts = True, (domain.name,)
        domain.evidence = f"{domain.name} has no MX"
        return True
    records = sorted(answer.records)
    domain.evidence = f"{domain.name} MX: {', '.join(name or '.' for _, name in records[:8])}"
    if [name for _, name in records] == [""]:
        domain.null = True
        domain.find("MX_NULL")
        return False
    hosts = tuple(name for _, name in records if name)
    domain.hosts = hosts[: options.max_mx_a_records]
    return True


def _known(domain: _Domain, maps: MxMaps) -> bool:
    """Whether the site says all there is to say of an MX host."""
    if domain.fallback:
        return False
    for host in domain.hosts:
        hit = None if maps.bad_mxs is None else maps.bad_mxs.find(host)
        if hit is not None:
            domain.find("MX_BAD", host, weight=_weight(hit.value), evidence=hit.where)
            return True
    for host in domain.hosts:
        hit = None if maps.exclude_mxs is None else maps.exclude_mxs.find(host)
        if hit is not None:
            domain.find("MX_WHITE", host, evidence=hit.where)
            return True
    return False


def _judge(
    domain: _Domain,
    found: dict[Question[DnsAnswer], DnsAnswer],
    maps: MxMaps,
    options: MxCheckOptions,
    ask: Ask,
) -> None:
    """The symbols of where a domain's hosts are."""
    answers = [found[ask.dns(host, rdtype)] for host in domain.hosts for rdtype in _types(options)]
    addresses = [ip_address(text) for answer in answers for text in answer.records]
    if not addresses:
        if any(answer.failed for answer in answers):
            domain.find("MX_DNS_FAIL")
        else:
            domain.find("MX_NONE" if domain.fallback else "MX_BROKEN", *_hosts(domain))
        return
    for ip in addresses:
        hit = None if maps.bad_ips is None else maps.bad_ips.find(ip)
        if hit is not None:
            domain.find("MX_IP_BAD", str(ip), weight=_weight(hit.value), evidence=hit.where)
            return
    local = [ip for ip in addresses if _is_local(ip, options)]
    bogon = [ip for ip in addresses if ip in _BOGON]
    public = [ip for ip in addresses if ip not in local and ip not in bogon]
    for name, some in (("LOCAL", local), ("BOGON", bogon)):
        if some:
            kind = "ONLY" if len(some) == len(addresses) else "MIX"
            domain.find(f"MX_{name}_{kind}", *map(str, some))
    excluded = maps.exclude_ips
    if public and excluded is not None and all(ip in excluded for ip in public):
        domain.find("MX_SKIP", *map(str, public))
    left = [ip for ip in public if excluded is None or ip not in excluded]
    domain.reachable = tuple(dict.fromkeys(left))[: options.max_mx_a_records]


async def _probe(domains: Iterable[_Domain], options: MxCheckOptions, ask: Ask) -> None:
    """Connect to what is left of each domain's servers, to all at once."""
    asked = [(domain, probe(ip, options)) for domain in domains for ip in domain.reachable]
    replies = await ask.all(*(ask.exchange(question) for _, question in asked))
    of_domain: dict[str, tuple[_Domain, list[Reply]]] = {}
    for (domain, _), reply in zip(asked, replies, strict=True):
        of_domain.setdefault(domain.name, (domain, []))[1].append(reply)
    for domain, said in of_domain.values():
        found = best(said)
        if found is not None:
            kind = "MX_A" if domain.fallback else "MX"
            domain.find(f"{kind}_{found[0]}", found[1].server, evidence=found[1].evidence)


def _is_local(ip: IP, options: MxCheckOptions) -> bool:
    return ip in _LOCAL or (ip in _LOOPBACK and not options.test_mode)


def _hosts(domain: _Domain) -> Iterable[str]:
    return () if domain.fallback else domain.hosts


def _weight(text: str) -> float:
    """The multiplier that may stand behind an entry."""
    try:
        return max(-_MAX_WEIGHT, min(_MAX_WEIGHT, float(text or 1)))
    except ValueError:
        return 1.0


def _rejection(task: Task, domains: Iterable[_Domain], options: MxCheckOptions) -> PreResult | None:
    exempt = (task.authenticated and not options.reject_authorized) or (
        task.local and not options.reject_local
    )
    if not options.reject_null_mx or exempt or not any(domain.null for domain in domains):
        return None
    return PreResult(Action.REJECT, options.reject_null_mx_message, "mx_check")
