"""Asking DNS whether a key's record stands everywhere: resolvers, and the authoritative servers.

dnspython is the host's own package; without it every question counts as not answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
except ImportError:  # said for every question
    HAS_DNSPYTHON = False
else:
    HAS_DNSPYTHON = True

RESOLVER, AUTHORITATIVE = "resolver", "authoritative"
MAX_SERVERS = 64
TRIES = 2  # as often as `filter-engine dns check` asks a server
_AT_ONCE = 16


@dataclass(frozen=True)
class Server:
    """A server to ask; `name` is that of an authoritative one."""

    address: str
    port: int = 53
    kind: str = RESOLVER
    name: str = ""

    def __str__(self) -> str:
        where = self.address if self.port == 53 else f"{self.address} port {self.port}"
        return f"{self.kind} {self.name} ({where})" if self.name else f"{self.kind} {where}"


@dataclass(frozen=True)
class Look:
    """What one server had at a name: `right`, `nothing`, `another`, `several`, `silent`."""

    server: Server
    saw: str
    detail: str = ""

    def __str__(self) -> str:
        words = {
            "right": "has the record",
            "nothing": "has no record",
            "another": "has another record",
            "several": "has several records",
            "silent": "gave no answer",
        }[self.saw]
        return f"{self.server} {words}{f' ({self.detail})' if self.detail else ''}"


@dataclass(frozen=True)
class Result:
    """What became of one question; `why` is empty when every server has the record."""

    name: str
    looks: tuple[Look, ...]
    why: str

    @property
    def right(self) -> bool:
        """Whether every server has the record."""
        return not self.why


def look_up(
    questions: Sequence[tuple[str, str]],
    resolvers: Sequence[Server],
    timeout: float,
    *,
    authoritative: bool = True,
    authoritative_port: int = 53,
) -> list[Result]:
    """Ask for (name, TXT value) of each question; `timeout` in seconds for one try."""
    if not HAS_DNSPYTHON:
        missing = "python3-dnspython is not installed on this host"
        return [Result(name, (), missing) for name, _ in questions]
    if not resolvers:
        return [Result(name, (), "no resolver is given") for name, _ in questions]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        by_resolver = [
            [pool.submit(_ask, name, value, server, timeout) for server in resolvers]
            for name, value in questions
        ]
        found = [
            pool.submit(_authoritative, name, resolvers, timeout, authoritative_port)
            if authoritative
            else None
            for name, _ in questions
        ]
        results = []
        for (name, value), asked, servers in zip(questions, by_resolver, found, strict=True):
            looks = [one.result() for one in asked]
            problem = ""
            if servers is not None:
                canonical, those, problem = servers.result()
                looks += pool.map(
                    lambda server, at=canonical, v=value: _ask(at, v, server, timeout), those
                )
            results.append(Result(name, tuple(looks), _why(looks, problem)))
    return results


def _why(looks: Iterable[Look], problem: str) -> str:
    wrong = [look for look in looks if look.saw != "right"]
    # An authoritative server is heard by any one of its addresses: a host may have no IPv6.
    heard = {
        look.server.name
        for look in looks
        if look.server.kind == AUTHORITATIVE and look.saw != "silent"
    }
    wrong = [look for look in wrong if not (look.saw == "silent" and look.server.name in heard)]
    return "; ".join([*(str(look) for look in wrong), *([problem] if problem else [])])


def same_key(wanted: str, found: str) -> bool:
    """Whether two record values say the same: tags in any order, white space aside (RFC 6376, 3.2).

    What the site does not publish itself (notes, flags) makes another record of it.
    """
    tags = [_tags(text) for text in (wanted, found)]
    return tags[0] is not None and tags[0] == tags[1]


def _tags(text: str) -> dict[str, str] | None:
    tags = {}
    for part in text.split(";"):
        if part.strip():
            name, equals, value = part.partition("=")
            if not equals or name.strip() in tags:
                return None
            tags[name.strip()] = "".join(value.split())
    return tags


def _ask(name: str, value: str, server: Server, timeout: float) -> Look:
    query = dns.message.make_query(name, "TXT", use_edns=0, payload=1232)
    if server.kind == AUTHORITATIVE:
        query.flags &= ~dns.flags.RD
    try:
        answer = _exchange(query, server, timeout)
    except (dns.exception.DNSException, OSError, EOFError) as error:
        return Look(server, "silent", _brief(error))
    code = answer.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Look(server, "silent", dns.rcode.to_text(code))
    if server.kind == AUTHORITATIVE and not answer.flags & dns.flags.AA:
        return Look(server, "silent", "not authoritative for the name")
    values = [
        b"".join(record.strings).decode("ascii", "replace")
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.TXT
        for record in rrset
    ]
    if not values:
        return Look(server, "nothing")
    if len(values) > 1:
        return Look(server, "several", f"{len(values)} of them")
    return Look(server, "right" if same_key(value, values[0]) else "another")


def _exchange(query: Any, server: Server, timeout: float) -> Any:
    """The answer; a lost datagram or one of somebody else's is no verdict on the server."""
    tries = TRIES
    while True:
        tries -= 1
        try:
            answer, _tcp = dns.query.udp_with_fallback(
                query, server.address, timeout=timeout, port=server.port, ignore_unexpected=True
            )
        except dns.exception.Timeout:
            if not tries:
                raise
        else:
            return answer


def _authoritative(
    name: str, resolvers: Sequence[Server], timeout: float, port: int
) -> tuple[str, list[Server], str]:
    """The name after aliases, the servers of its zone, and why they could not be found."""
    problem = "its authoritative servers could not be found"
    for server in resolvers:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [server.address], server.port
        resolver.timeout, resolver.lifetime = timeout, 2 * timeout
        try:
            canonical = resolver.resolve(name, "TXT", raise_on_no_answer=False).canonical_name
        except dns.resolver.NXDOMAIN as missing:
            canonical = missing.canonical_name
        except (dns.exception.DNSException, OSError) as error:
            problem = f"its authoritative servers could not be found ({_brief(error)})"
            continue
        try:
            zone = dns.resolver.zone_for_name(canonical, resolver=resolver)
            servers = list(_servers(resolver, zone, port))
        except (dns.exception.DNSException, OSError) as error:
            problem = f"its authoritative servers could not be found ({_brief(error)})"
            continue
        if servers:
            return canonical.to_text(), servers[:MAX_SERVERS], ""
        problem = f"the servers of zone {zone.to_text()} have no address"
    return name, [], problem


def _servers(resolver: Any, zone: Any, port: int) -> Iterable[Server]:
    for record in resolver.resolve(zone, "NS"):
        name, found = record.target.to_text(), False
        for kind in ("A", "AAAA"):
            try:
                answer = resolver.resolve(record.target, kind, raise_on_no_answer=False)
            except dns.resolver.NXDOMAIN:
                continue
            for address in answer.rrset or ():
                found = True
                yield Server(address.address, port, AUTHORITATIVE, name)
        if not found:
            raise OSError(f"{name} has no address")


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
