"""A name server on loopback whose behaviour a test writes as a function of the query."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rrset
import pytest

from filter_engine.config.upstreams import Rotation, Upstream, UpstreamList
from filter_engine.dns.client import DnsClient
from filter_engine.scan.question import DnsAnswer, DnsQuestion

Behaviour = Callable[[dns.message.Message, "NameServer"], "list[bytes] | None"]


class NameServer:
    """Answers UDP and TCP on one port in its own thread; remembers what it was asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.queries: list[tuple[dns.message.Message, str, tuple[str, int]]] = []
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", 0))
            self.tcp = socket.socket()
            try:
                self.tcp.bind(self.udp.getsockname())
            except OSError:
                self.udp.close()
                self.tcp.close()
                continue
            break
        self.tcp.listen(16)
        self.port: int = self.udp.getsockname()[1]
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def upstream(self) -> Upstream:
        return Upstream("127.0.0.1", self.port)

    def _serve_udp(self) -> None:
        while True:
            try:
                data, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if not data:
                return
            query = dns.message.from_wire(data)
            self.queries.append((query, "udp", peer))
            for reply in self.behaviour(query, self) or ():
                with contextlib.suppress(OSError):  # closed meanwhile
                    self.udp.sendto(reply, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, peer = self.tcp.accept()
            except OSError:
                return
            with connection:
                length = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
                query = dns.message.from_wire(connection.recv(length, socket.MSG_WAITALL))
                self.queries.append((query, "tcp", peer))
                for reply in self.behaviour(query, self) or ():
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def transport(self) -> str:
        """How the latest query came."""
        return self.queries[-1][1]

    def close(self) -> None:
        """Stop listening; the port then refuses."""
        for sock in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def _reply(query: dns.message.Message, *lines: str, rcode: int = 0, soa: str = "") -> bytes:
    """A reply with these answer records, written as in a zone file."""
    message = dns.message.make_response(query)
    message.flags |= dns.flags.RA
    message.set_rcode(rcode)
    for line in lines:
        name, ttl, rdtype, rdata = line.split(None, 3)
        message.answer.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, rdata))
    if soa:
        message.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", soa))
    return message.to_wire(max_size=65535)


@pytest.fixture
def name_server() -> Iterator[Callable[[Behaviour], NameServer]]:
    """Make name servers; they are closed at the end."""
    servers: list[NameServer] = []

    def make(behaviour: Behaviour) -> NameServer:
        servers.append(NameServer(behaviour))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def _ask_all(
    servers: list[Upstream],
    *questions: tuple[str, str],
    repeat: int = 1,
    rotation: Rotation = Rotation.MASTER_SLAVE,
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    **settings: float,
) -> tuple[list[DnsAnswer], DnsClient]:
    """Ask questions at once, ``repeat`` rounds of them, with a real client on a real loop."""

    async def run() -> tuple[list[DnsAnswer], DnsClient]:
        loop = asyncio.get_running_loop()
        client = DnsClient(
            UpstreamList(tuple(servers), rotation),
            timeout=settings.get("timeout", 5.0),
            retransmits=int(settings.get("retransmits", 3)),
            sockets=int(settings.get("sockets", 4)),
        )
        client.open(loop)
        answers: list[DnsAnswer] = []
        try:
            for _ in range(repeat):
                finished = asyncio.Event()
                expected = len(answers) + len(questions)

                def done(
                    answer: DnsAnswer,
                    finished: asyncio.Event = finished,
                    expected: int = expected,
                ) -> None:
                    answers.append(answer)
                    if len(answers) == expected:
                        finished.set()

                for name, rdtype in questions:
                    client.ask(DnsQuestion(name, rdtype), done)
                async with asyncio.timeout(60):
                    await finished.wait()
        finally:
            client.close()
        return answers, client

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """Write a reply: ``reply(query, "name ttl type rdata", ..., rcode=0, soa="")``."""
    return _reply


@pytest.fixture
def ask_all() -> Callable[..., tuple[list[DnsAnswer], DnsClient]]:
    """Ask with a real client: ``ask_all([upstream], (name, type), ..., timeout=5.0)``."""
    return _ask_all
