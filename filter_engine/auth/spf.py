"""SPF: ``check_host()`` without I/O (RFC 7208). A question at a time, an answer at a time."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from filter_engine.auth.results import SpfCode, SpfResult
from filter_engine.auth.spf_macro import (
    MAX_EXPLANATION,
    MacroString,
    MacroValues,
    SpfSyntaxError,
    best_name,
    expand,
    expand_domain,
    parse_macro_string,
    uses,
)
from filter_engine.auth.spf_record import (
    TAKES_LOOKUP,
    Directive,
    Record,
    is_record,
    parse_record,
)
from filter_engine.dns.names import is_below, is_hostname, reverse_name, to_ascii
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.question import Ask, DnsAnswer

MAX_LOOKUPS = 10
"""Terms that ask DNS, over all included records (section 4.6.4)."""
MAX_VOID_LOOKUPS = 2
"""Lookups by those terms that may find nothing (section 4.6.4)."""
MAX_NESTING = 10
"""Includes and redirects inside each other (Rspamd's ``max_dns_nesting``)."""
MAX_NAMES = 10
"""Hosts of one MX set, and names of one address (section 4.6.4)."""


class _StopError(Exception):
    """The evaluation ends here with temperror or permerror."""

    def __init__(self, result: SpfCode, problem: str, detail: str = "") -> None:
        super().__init__(problem)
        self.result = result
        self.problem = problem
        self.detail = detail


async def check_host(
    ask: Ask,
    ip: IPv4Address | IPv6Address,
    domain: str,
    sender: str,
    helo: str,
    *,
    receiver: str = "unknown",
    now: int = 0,
    tolerant: bool = False,
    limits: Limits | None = None,
) -> SpfResult:
    """May this client send for this domain? (section 4.1)

    ``sender`` is the checked identity, ``postmaster@HELO`` for a null sender; ``receiver`` and
    ``now`` (seconds since the epoch) only serve explanations. ``tolerant`` reads records as Rspamd
    does: an included domain without a record matches nothing instead of being permerror, and a
    temporary failure only counts when no other mechanism but ``all`` matches. ``limits`` may be
    narrower than the RFC's.
    """
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    local, at, sender_domain = sender.rpartition("@")
    evaluation = _Evaluation(
        ask,
        ip,
        (local or "postmaster", _a_label(sender_domain if at else sender or domain)),
        helo,
        receiver,
        now,
        tolerant,
        limits or Limits(),
    )
    name = to_ascii(domain)
    if name is None or not is_hostname(name):
        return evaluation.result(SpfCode.NONE, domain, problem="not a domain name")
    try:
        result, mechanism, source = await evaluation.check(name)
    except _StopError as stop:
        return evaluation.result(stop.result, name, problem=stop.problem, detail=stop.detail)
    if source is None:
        return evaluation.result(result, name, problem=mechanism)
    explanation = ""
    if result is SpfCode.FAIL:
        explanation = await evaluation.explain(*source)
    return evaluation.result(result, name, mechanism, explanation)


def checked_identity(mail_from: str | None, helo: str | None) -> tuple[str, str, bool]:
    """(domain, sender, whether HELO stands in) of what SPF checks (section 2.4).

    A null sender is checked as ``postmaster`` at the HELO name.
    """
    if mail_from:
        return mail_from.rpartition("@")[2], mail_from, False
    name = (helo or "").strip()
    return name, f"postmaster@{name}", True


@frozen
class Limits:
    """Bounds of a site beside those of section 4.6.4."""

    nesting: int = MAX_NESTING
    requests: int | None = None
    """DNS questions in all; None: what the other limits allow."""
    ipv6: bool = True
    """Look up AAAA records."""


class _Evaluation:
    """One ``check_host`` with its counters."""

    def __init__(
        self,
        ask: Ask,
        ip: IPv4Address | IPv6Address,
        sender: tuple[str, str],
        helo: str,
        receiver: str,
        now: int,
        tolerant: bool,
        limits: Limits,
    ) -> None:
        self.ask = ask
        self.limits = limits
        self.requests = 0
        self.depth = 0
        self.ip = ip
        self.sender = sender
        self.helo = helo
        self.receiver = receiver
        self.now = now
        self.tolerant = tolerant
        self.address_type = "A" if ip.version == 4 else "AAAA"
        self.looks_up_addresses = ip.version == 4 or limits.ipv6
        self.local_is_ascii = sender[0].isascii()
        self.lookups = 0
        self.void = 0
        self.deferred: _StopError | None = None
        """A temporary failure that counts only if nothing better comes (``tolerant``)."""
        self.names: tuple[str, ...] | None = None
        """The client's validated names, once asked for."""

    def result(
        self,
        code: SpfCode,
        domain: str,
        mechanism: str = "",
        explanation: str = "",
        problem: str = "",
        detail: str = "",
    ) -> SpfResult:
        return SpfResult(
            code,
            mechanism,
            explanation,
            problem,
            domain,
            "@".join(self.sender),
            self.helo,
            str(self.ip),
            detail=detail,
        )

    async def check(self, domain: str) -> tuple[SpfCode, str, tuple[str, Record] | None]:
        """(result, deciding directive, (domain, record) it stands in); no record: (none, why)."""
        self.depth += 1
        if self.depth > self.limits.nesting + 1:
            raise _StopError(
                SpfCode.PERMERROR, f"more than {self.limits.nesting} records inside each other"
            )
        found = await self.record(domain)
        if isinstance(found, str):
            return SpfCode.NONE, found, None
        for directive in found.directives:
            label = await self.match(directive, domain)
            if label is None:
                continue
            if directive.mechanism == "all" and self.deferred is not None:
                raise self.deferred
            return directive.result, label, (domain, found)
        if found.redirect is None:
            if self.deferred is not None:
                raise self.deferred
            return SpfCode.NEUTRAL, "?all", (domain, found)
        self.count("redirect")
        target = await self.target(found.redirect, domain)
        result, mechanism, source = await self.check(target)
        if source is None:
            raise _StopError(SpfCode.PERMERROR, f"redirect to {target}: {mechanism}")
        return result, mechanism, source

    async def record(self, domain: str) -> Record | str:
        """The record of a domain, or why there is none (sections 4.3 to 4.5)."""
        if not is_hostname(domain):
            return f"{domain[:80]!r} is not a domain name"
        self.spend(1)
        answer = await self.ask.dns(domain, "TXT")
        if answer.failed:
            raise _failure(answer)
        records = [text for text in answer.records if is_record(text)]
        if not records:
            return "no SPF record"
        if len(records) > 1:
            raise _StopError(SpfCode.PERMERROR, f"{domain} has {len(records)} SPF records")
        try:
            return parse_record(records[0])
        except SpfSyntaxError as error:
            raise _StopError(SpfCode.PERMERROR, f"{domain}: {error}") from None

    async def match(self, directive: Directive, domain: str) -> str | None:
        """The label of the directive, if it matches (section 5)."""
        if directive.mechanism == "all":
            return directive.label
        if directive.network is not None:
            return directive.label if self.ip in directive.network else None
        if directive.mechanism in TAKES_LOOKUP:
            self.count(directive.text)
        if not self.local_is_ascii and (uses(directive.target, "l") or uses(directive.target, "s")):
            return None  # no name can hold such a local part (RFC 8616, section 4)
        target = domain
        if directive.target:
            target = await self.target(directive.target, domain)
        if directive.mechanism == "include":
            return await self.include(directive, target)
        try:
            matches = await self.match_host(directive, target)
        except _StopError as stop:
            if not self.tolerant or stop.result is not SpfCode.TEMPERROR:
                raise
            self.deferred = stop
            return None
        return directive.label if matches else None

    async def include(self, directive: Directive, target: str) -> str | None:
        """Section 5.2."""
        depth = self.depth
        try:
            result, mechanism, source = await self.check(target)
        except _StopError as stop:
            if not self.tolerant or stop.result is not SpfCode.TEMPERROR:
                raise
            self.deferred = stop
            return None
        finally:
            self.depth = depth
        if source is None:
            if self.tolerant:
                return None
            raise _StopError(SpfCode.PERMERROR, f"include of {target}: {mechanism}")
        if result is not SpfCode.PASS:
            return None
        return f"{directive.qualifier}{mechanism[1:]}"

    async def match_host(self, directive: Directive, target: str) -> bool:
        """The mechanisms a, mx, exists and ptr (sections 5.3 to 5.7)."""
        match directive.mechanism:
            case "a":
                if not self.looks_up_addresses:
                    return False
                addresses = await self.lookup(target, self.address_type)
                return self.contains(addresses.records, directive)
            case "exists":
                return bool((await self.lookup(target, "A")).records)
            case "ptr":
                names = await self.validated_names()
                return any(is_below(name, target) for name in names)
            case _:
                return await self.match_mx(directive, target)

    async def match_mx(self, directive: Directive, target: str) -> bool:
        """Section 5.4: the addresses of all mail exchangers."""
        hosts = [host for _, host in sorted((await self.lookup(target, "MX")).records)]
        if len(hosts) > MAX_NAMES:
            raise _StopError(SpfCode.PERMERROR, f"{target} has {len(hosts)} MX hosts")
        if not self.looks_up_addresses:
            return False
        self.spend(len(hosts))
        questions = [self.ask.dns(host, self.address_type) for host in hosts if host]
        answers: Iterable[DnsAnswer] = await self.ask.all(*questions) if questions else ()
        failed = None
        for answer in answers:
            if answer.failed:
                failed = failed or answer
            elif self.contains(answer.records, directive):
                return True
        if failed is not None:
            raise _failure(failed)
        return False

    def contains(self, addresses: Iterable[str], directive: Directive) -> bool:
        """Whether the client's address lies in the network of one of these (section 5.3)."""
        prefix = directive.prefix4 if self.ip.version == 4 else directive.prefix6
        for text in addresses:
            address = ip_address(text)
            if address == self.ip:
                return True
            if prefix < address.max_prefixlen and self.ip in ip_network(
                (address, prefix), strict=False
            ):
                return True
        return False

    def count(self, term: str) -> None:
        """Count a term that asks DNS (section 4.6.4)."""
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise _StopError(
                SpfCode.PERMERROR, f"more than {MAX_LOOKUPS} lookups, at {term[:60]!r}"
            )

    def spend(self, questions: int) -> None:
        """Count DNS questions against the site's own limit."""
        self.requests += questions
        if self.limits.requests is not None and self.requests > self.limits.requests:
            raise _StopError(SpfCode.PERMERROR, f"more than {self.limits.requests} DNS questions")

    async def lookup(self, name: str, rdtype: str) -> DnsAnswer:
        """Ask for a term; finding nothing is counted (section 4.6.4)."""
        self.spend(1)
        answer = await self.ask.dns(name, rdtype)
        if answer.failed:
            raise _failure(answer)
        if not answer.records:
            self.void += 1
            if self.void > MAX_VOID_LOOKUPS:
                raise _StopError(
                    SpfCode.PERMERROR, f"more than {MAX_VOID_LOOKUPS} lookups found nothing"
                )
        return answer

    async def validated_names(self) -> tuple[str, ...]:
        """The client's names that lead back to its address (section 5.5); failures give none."""
        if self.names is None:
            answer = await self.ask.dns(reverse_name(self.ip), "PTR")
            candidates = [name for name in answer.records[:MAX_NAMES] if name]
            questions = [self.ask.dns(name, self.address_type) for name in candidates]
            answers: Iterable[DnsAnswer] = await self.ask.all(*questions) if questions else ()
            self.names = tuple(
                name
                for name, found in zip(candidates, answers, strict=True)
                if any(ip_address(text) == self.ip for text in found.records)
            )
        return self.names

    async def target(self, spec: MacroString, domain: str) -> str:
        """A domain-spec expanded; ``domain`` is the one whose record it stands in."""
        return expand_domain(spec, await self.values(spec, domain))

    async def values(self, parts: MacroString, domain: str) -> MacroValues:
        """What the macros of ``parts`` stand for; asks DNS only when ``p`` occurs."""
        names = await self.validated_names() if uses(parts, "p") else ()
        return MacroValues(
            self.ip,
            *self.sender,
            domain,
            self.helo,
            self.receiver,
            self.now,
            lambda: best_name(names, domain),
        )

    async def explain(self, domain: str, record: Record) -> str:
        """The owner's explanation of a fail; empty when there is none or it is wrong (6.2)."""
        if record.explanation is None:
            return ""
        name = await self.target(record.explanation, domain)
        answer = await self.ask.dns(name, "TXT")
        if len(answer.records) != 1:
            return ""
        try:
            parts = parse_macro_string(answer.records[0].decode("ascii"), explanation=True)
        except (UnicodeDecodeError, SpfSyntaxError):
            return ""
        return expand(parts, await self.values(parts, domain), MAX_EXPLANATION)


def _a_label(domain: str) -> str:
    """The domain as macros stand for it: in ASCII where it has such a form (RFC 8616, 4)."""
    return domain if domain.isascii() else to_ascii(domain) or domain


def _failure(answer: DnsAnswer) -> _StopError:
    question = answer.question
    problem = f"{question.rdtype} of {question.name}: DNS error"
    return _StopError(SpfCode.TEMPERROR, problem, answer.detail)
