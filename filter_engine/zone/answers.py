"""Asking name servers one question at a time, and finding those of a zone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from filter_engine.zone.document import comparable

TRIES = 2
"""Times one address is asked before it counts as silent."""
MAX_SERVERS = 13
"""Name servers of one zone that are asked."""
MAX_ANSWER = 100
"""Records of one answer that are looked at."""
DNS_PORT = 53


class Kind(StrEnum):
    """What a server is to the question."""

    AUTHORITATIVE = "authoritative"
    RESOLVER = "resolver"


@dataclass
class Server:
    """A name server under one of its addresses; the first that answers is kept."""

    name: str
    kind: Kind
    addresses: tuple[str, ...]
    port: int = DNS_PORT
    silent: str = ""
    """Why it is asked no more."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def label(self) -> str:
        """For people: its name, and the address where that is another."""
        address = self.addresses[0] if self.addresses else "no address"
        port = "" if self.port == DNS_PORT else f" port {self.port}"
        name = address if self.name == address else f"{self.name} ({address})"
        return f"{name}{port}"


@dataclass(frozen=True)
class Answer:
    """What one server says of one name and type."""

    failure: str = ""
    """Why there is no answer: silence, or the server's code."""
    data: tuple[str, ...] = ()
    """Comparable data of the records."""
    ttl: int = 0
    alias: str = ""
    """Where a CNAME of the name leads, which is followed where the server does."""
    authoritative: bool = False

    @property
    def spf(self) -> tuple[str, ...]:
        """The SPF records among them."""
        return tuple(t for t in self.data if t.lower().split(" ")[0] == "v=spf1")


class Asker:
    """Asks over UDP, and TCP where an answer is cut. `timeout` in seconds, for one try."""

    def __init__(self, timeout: float = 3.0) -> None:
        self.timeout = timeout

    def ask(self, server: Server, name: str, kind: str) -> Answer:
        """One question. Never raises for what a server does."""
        if server.silent:
            return Answer(failure=server.silent)
        try:
            query = dns.message.make_query(f"{name}.", kind, use_edns=0, payload=1232)
        except dns.exception.DNSException as error:
            return Answer(failure=f"cannot be asked: {error}")
        if server.kind is Kind.AUTHORITATIVE:
            query.flags &= ~dns.flags.RD
        problem = "has no address"
        for address in server.addresses:
            reply, problem = self._exchange(query, address, server.port)
            if reply is not None:
                self._keep(server, address)
                return _read(reply, name, kind)
        with server.lock:
            server.silent = problem
        return Answer(failure=problem)

    def _exchange(
        self, query: dns.message.Message, address: str, port: int
    ) -> tuple[dns.message.Message | None, str]:
        problem = ""
        for _ in range(TRIES):
            try:
                reply, _tcp = dns.query.udp_with_fallback(
                    query, address, timeout=self.timeout, port=port, ignore_unexpected=True
                )
            except dns.exception.Timeout:
                problem = "does not answer"
            except (dns.exception.DNSException, OSError, EOFError) as error:
                return None, f"cannot be asked: {type(error).__name__}: {error}"
            else:
                return reply, ""
        return None, problem

    @staticmethod
    def _keep(server: Server, address: str) -> None:
        if server.addresses[0] != address:
            with server.lock:
                server.addresses = (address, *(a for a in server.addresses if a != address))


def _read(reply: dns.message.Message, name: str, kind: str) -> Answer:
    authoritative = bool(reply.flags & dns.flags.AA)
    rcode = reply.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Answer(failure=f"answers {dns.rcode.to_text(rcode)}", authoritative=authoritative)
    asked = dns.name.from_text(f"{name}.")
    wanted = dns.rdatatype.from_text(kind)
    data: list[str] = []
    ttl, alias = 0, ""
    for rrset in reply.answer:
        if rrset.rdtype == wanted:
            data += [comparable(rdata) for rdata in rrset][: MAX_ANSWER - len(data)]
            ttl = rrset.ttl
        elif rrset.rdtype == dns.rdatatype.CNAME and rrset.name == asked:
            alias = rrset[0].to_text()
    return Answer(data=tuple(data), ttl=ttl, alias=alias, authoritative=authoritative)


def ask_first(asker: Asker, servers: Iterable[Server], name: str, kind: str) -> Answer:
    """What the first server says that answers; a failure names the last one asked."""
    answer = Answer(failure="there is no resolver to ask")
    for server in servers:
        answer = asker.ask(server, name, kind)
        if not answer.failure:
            break
        answer = replace(answer, failure=f"{server.label} {answer.failure}")
    return answer


class Authorities:
    """Finds the authoritative servers of names by way of a resolver, each zone once."""

    def __init__(self, asker: Asker, resolvers: Sequence[Server]) -> None:
        self._asker = asker
        self._resolvers = resolvers
        self._zones: dict[str, tuple[list[Server], str]] = {}
        self._servers: dict[str, Server] = {}

    def of(self, name: str) -> tuple[list[Server], str]:
        """(servers, why there are none) of the zone that holds a name."""
        labels = name.split(".")
        passed = []
        found: tuple[list[Server], str] = ([], "its zone is not found")
        for cut in range(len(labels) - 1):
            zone = ".".join(labels[cut:])
            if zone in self._zones:
                found = self._zones[zone]
                break
            passed.append(zone)
            names, problem = self._names(zone)
            if problem:
                found = ([], f"the authoritative servers cannot be found: {problem}")
                break
            if names:
                found = self._found(zone, names)
                break
        for zone in passed:
            self._zones[zone] = found
        return found

    def _ask(self, name: str, kind: str) -> Answer:
        return ask_first(self._asker, self._resolvers, name, kind)

    def _names(self, zone: str) -> tuple[tuple[str, ...], str]:
        answer = self._ask(zone, "NS")
        if answer.alias:  # of another zone
            return (), ""
        return answer.data[:MAX_SERVERS], answer.failure

    def _found(self, zone: str, names: Sequence[str]) -> tuple[list[Server], str]:
        servers = []
        for name in sorted(text.rstrip(".") for text in names):
            if name not in self._servers:
                addresses = [*self._ask(name, "A").data, *self._ask(name, "AAAA").data]
                self._servers[name] = Server(name, Kind.AUTHORITATIVE, tuple(addresses))
            servers.append(self._servers[name])
        return servers, "" if servers else f"{zone} has no name servers"


def read_server(text: str) -> Server:
    """A server as given: ADDRESS, ADDRESS:PORT, [IPv6]:PORT. Raises ValueError."""
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.inet_pton(family, host)
        number = int(port or DNS_PORT)
    except (OSError, ValueError) as error:
        raise ValueError(f"{text!r} is not ADDRESS, ADDRESS:PORT or [IPv6]:PORT") from error
    if not 1 <= number <= 65535:
        raise ValueError(f"{text!r}: a port is 1 to 65535")
    return Server(host, Kind.RESOLVER, (host,), number)
