"""The DNS client of a scan worker: UDP over a few shared sockets, one cache, no future a query.

Questions are collected and leave together (``flush``): a datagram to a name server that sleeps
costs three times as much as one to a server that is at work, since the kernel has to wake it.

Sources: RFC 1035 (messages), RFC 2308 (absence), RFC 5452 (forgery), RFC 6891 (EDNS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.dns import packet
from filter_engine.dns.cache import AnswerCache
from filter_engine.dns.deadlines import Deadlines
from filter_engine.dns.flight import MAX_ALIASES, Flight
from filter_engine.dns.library import dns
from filter_engine.dns.packet import ABSENCES, HEADER, negative_answer, question_bytes
from filter_engine.dns.pool import SocketPool
from filter_engine.dns.records import ordinary_answer
from filter_engine.dns.sockets import Channel, random_ids
from filter_engine.dns.statistics import DnsStatistics
from filter_engine.dns.stream import PATIENCE, TcpQueries
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.upstream.upstream_set import Health, Standing, UpstreamSet

MAX_OPEN = 20000
"""Questions open at once; what goes beyond is answered TEMPFAIL."""
_BATCH = 64
"""Questions sent, or replies read, at one go."""
_SAME_SOCKET = 8
"""Questions of a batch that leave by one socket, so that few sockets have to be read for it."""
_NOERROR, _NXDOMAIN = int(dns.rcode.NOERROR), int(dns.rcode.NXDOMAIN)
_LARGEST = 4096
"""Bytes of a reply; servers are asked for less (``packet.UDP_SIZE``)."""
REST = 10.0
"""Seconds: what follows does not wait for the same silence again."""
_NOT_OPEN = "the client is not open"


class DnsClient:
    """Asks recursive resolvers. Built in the master, opened in each worker after the fork.

    ``timeout`` is the time for one try in seconds, ``retransmits`` the number of tries. The servers
    are tried in the order of their rotation, the next after a timeout, an error or a refusal.
    """

    def __init__(
        self,
        nameservers: UpstreamList,
        *,
        timeout: float = 1.0,
        retransmits: int = 5,
        sockets: int = 16,
        cache: AnswerCache | None = None,
        health: Health | None = None,
    ) -> None:
        self._servers = nameservers
        self._health = health or Health(rest=REST)
        self._timeout = timeout
        self._tries = max(retransmits, 1)
        self._cache = AnswerCache() if cache is None else cache
        self.statistics = DnsStatistics()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._upstreams = UpstreamSet(nameservers, self._health)
        self._pool = SocketPool(sockets, self._read)
        self._flights: dict[DnsQuestion, Flight] = {}
        self._outbox: list[Flight] = []
        self._deadlines = Deadlines(self._timed_out)
        self._streams = TcpQueries()
        self._ids = random_ids()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; call once in each worker after the fork."""
        self._loop = loop
        self._upstreams = UpstreamSet(self._servers, self._health)
        self._ids = random_ids()
        self._deadlines.open(loop)
        self._streams.open(loop)
        self._pool.open(loop)

    def close(self) -> None:
        """Close the sockets; open questions are answered TEMPFAIL."""
        for flight in tuple(self._flights.values()):
            flight.detail = "the client is closed"
            self._fail(flight)
        self._outbox.clear()
        self._deadlines.close()
        self._streams.close()
        self._pool.close()
        self._loop = None

    def standings(self) -> list[Standing]:
        """How the resolvers stand; empty before ``open``."""
        return [] if self._loop is None else self._upstreams.standings("dns", self._loop.time())

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        """Call ``done`` once with the answer: at once from the cache, else when it comes.

        Questions wait for ``flush``, which the event loop's next turn calls at the latest.
        """
        self.statistics.asked += 1
        loop = self._loop
        if loop is None:
            done(_tempfail(question, _NOT_OPEN))
            return
        known = self._cache.get(question, loop.time())
        if known is not None:
            self.statistics.from_cache += 1
            done(known)
            return
        answer = self._begin(question, done, loop)
        if answer is not None:
            done(answer)
        elif len(self._outbox) >= _BATCH:
            self.flush()

    def ask_all(
        self, questions: Sequence[DnsQuestion], done: Callable[[DnsAnswer], None]
    ) -> dict[DnsQuestion, DnsAnswer]:
        """``ask`` for many: what is known at once; ``done`` is called for the rest, later."""
        statistics, loop = self.statistics, self._loop
        statistics.asked += len(questions)
        if loop is None:
            return {question: _tempfail(question, _NOT_OPEN) for question in questions}
        answers = self._cache.get_all(questions, loop.time())
        statistics.from_cache += len(answers)
        if len(answers) < len(questions):
            for question in questions:
                if question not in answers:
                    answer = self._begin(question, done, loop)
                    if answer is not None:
                        answers[question] = answer
        return answers

    def _begin(
        self,
        question: DnsQuestion,
        done: Callable[[DnsAnswer], None],
        loop: asyncio.AbstractEventLoop,
    ) -> DnsAnswer | None:
        """Put a question into the outbox, or say why it cannot be asked."""
        flights = self._flights
        flight = flights.get(question)
        if flight is not None:
            flight.waiting.append(done)
            return None
        asked = question_bytes(question)
        if asked is None:
            return DnsAnswer(question, DnsStatus.INVALID, detail="not a domain name")
        if len(flights) >= MAX_OPEN:
            return _tempfail(question, "too many open questions")
        flight = flights[question] = Flight(question, asked, done, MAX_ALIASES)
        outbox = self._outbox
        if not outbox:
            loop.call_soon(self.flush)
        outbox.append(flight)
        return None

    # --- sending -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send all that was asked since the last call."""
        flights = self._outbox
        if not flights or self._loop is None:
            return
        self._outbox = []
        now = self._loop.time()
        shares: dict[Upstream | None, list[Flight]] = {}
        if len(self._upstreams) == 1:  # as at most sites
            shares[self._upstreams.choose(now)] = flights
        else:
            for flight in flights:
                shares.setdefault(self._upstreams.choose(now), []).append(flight)
        for server, share in shares.items():
            channels = None if server is None else self._channels_to(server, share[0])
            if channels is None:
                for flight in share:
                    self._send(flight)
                continue
            turn = int.from_bytes(next(self._ids))
            for start in range(0, len(share), _SAME_SOCKET):
                channel = channels[turn % len(channels)]
                turn += 1
                self._send_first(share[start : start + _SAME_SOCKET], channel, now)

    def _send_first(self, flights: list[Flight], channel: Channel, now: float) -> None:
        """The first try of some questions, by one socket."""
        server = channel.server
        due = now + self._timeout
        asked = (server,)
        expected, send, ids = channel.expected, channel.socket.send, self._ids
        sent: list[bytes] = []
        for flight in flights:
            ident = next(ids)
            while ident in expected:
                ident = next(ids)
            flight.sent = 1
            flight.server = server
            flight.round = asked
            try:
                send(ident + flight.query)
            except BlockingIOError:
                pass  # the buffer is full: as good as lost on the way, the timer asks again
            except OSError as error:
                flight.detail = f"{server.name}: {error.strerror}"
                self._upstreams.failed(server, now)
                flight.refuse(server)
                self._send(flight)
                continue
            flight.due = due
            flight.ids = ((channel, ident),)
            expected[ident] = flight
            sent.append(ident)
        self.statistics.sent += len(sent)
        self._deadlines.add(due, channel, sent)

    def _send(self, flight: Flight) -> None:
        """Send to the next server, or fail the question when it has had its tries."""
        assert self._loop is not None
        now = self._loop.time()
        while True:
            spent = flight.sent > 0 and flight.sent >= self._allowed(flight, now)
            server = None if spent else self._next_server(flight, now)
            if server is None:
                self._fail(flight)
                return
            flight.sent += 1
            flight.server = server
            if self._transmit(flight, server, now + self._timeout):
                return
            self._upstreams.failed(server, now)
            flight.refuse(server)

    def _allowed(self, flight: Flight, now: float) -> int:
        """How often the question may be sent: once only while every server counts as dead."""
        tries = max(self._tries, len(self._upstreams)) if self._upstreams.alive(now) else 1
        return tries + (not flight.edns)

    def _next_server(self, flight: Flight, now: float) -> Upstream | None:
        server = self._upstreams.choose(now, tried=flight.round + flight.refused)
        if server is None:
            flight.round = ()
            server = self._upstreams.choose(now, tried=flight.refused)
        if server is not None:
            flight.round += (server,)
        return server

    def _transmit(self, flight: Flight, server: Upstream, due: float) -> bool:
        """Put one datagram on its way; False when the server cannot be reached."""
        channels = self._channels_to(server, flight)
        if channels is None:
            return False
        channel = channels[int.from_bytes(next(self._ids)) % len(channels)]
        ident = next(self._ids)
        while ident in channel.expected:
            ident = next(self._ids)
        try:
            channel.socket.send(ident + flight.query)
        except BlockingIOError:
            pass  # as in _send_first
        except OSError as error:
            flight.detail = f"{server.name}: {error.strerror}"
            return False
        self.statistics.sent += 1
        flight.due = due
        channel.expected[ident] = flight
        flight.ids += ((channel, ident),)
        self._deadlines.add(due, channel, [ident])
        return True

    def _channels_to(self, server: Upstream, flight: Flight) -> list[Channel] | None:
        """The sockets to a server; None, and the reason noted, when it cannot be reached."""
        try:
            return self._pool.to(server)
        except (OSError, ValueError) as error:
            flight.detail = f"{server.name}: {error}"
            return None

    def _timed_out(self, flight: Flight, server: Upstream, now: float) -> None:
        self.statistics.timeouts += 1
        flight.detail = f"{server.name}: no reply"
        self._upstreams.failed(server, now)
        self._send(flight)

    # --- receiving -----------------------------------------------------------------------------

    def _read(self, channel: Channel) -> None:
        receive, expected = channel.socket.recv, channel.expected
        succeeded = False
        for _ in range(_BATCH):
            try:
                data = receive(_LARGEST)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._unreachable(channel, error)
                break
            flight = expected.get(data[:2])
            if flight is None or flight.over_tcp or len(data) < HEADER:
                self.statistics.ignored += 1
            elif (
                # Nearly all replies say that there is nothing; others are looked at more closely.
                (absence := ABSENCES.get(data[2:8])) is not None
                and data.startswith(flight.asked, HEADER)
            ):
                if not succeeded:  # once a turn says as much
                    succeeded = True
                    self._upstreams.succeeded(channel.server)
                question, asked = flight.question, flight.asked
                self._finish(flight, negative_answer(data, question, asked, absence))
            elif packet.is_whole(data) and data.startswith(flight.asked, HEADER):
                self._upstreams.succeeded(channel.server)
                self._judge(flight, channel.server, data, data[3] & 0x0F, data[6] << 8 | data[7])
            else:
                self._received(channel, flight, data)
            if not expected or channel.socket.fileno() < 0:
                break  # what comes unasked can wait for the next turn of the loop
        self.flush()

    def _unreachable(self, channel: Channel, error: OSError) -> None:
        """Nobody listens there: all questions sent through this socket move on."""
        assert self._loop is not None
        server = channel.server
        self._upstreams.failed(server, self._loop.time())
        for flight in tuple(channel.expected.values()):
            if not flight.done and not flight.over_tcp and flight.server == server:
                flight.detail = f"{server.name}: {error.strerror}"
                flight.refuse(server)
                self._send(flight)

    def _received(self, channel: Channel, flight: Flight, data: bytes) -> None:
        head = packet.reply_head(data, flight.asked) if packet.is_reply(data) else None
        if head is None:
            self.statistics.ignored += 1
            return
        self._upstreams.succeeded(channel.server)
        if head.truncated:
            self._retry_over_tcp(flight, channel.server)
        elif head.refuses_edns and flight.edns:
            self._ask_without_edns(flight, channel.server)
        else:
            self._judge(flight, channel.server, data, head.rcode, head.answers)

    def _ask_without_edns(self, flight: Flight, server: Upstream) -> None:
        flight.without_edns()
        flight.round = tuple(asked for asked in flight.round if asked != server)
        self._send(flight)

    def _judge(
        self, flight: Flight, server: Upstream, data: bytes, rcode: int, answers: int
    ) -> None:
        """What a whole reply to the question says."""
        if rcode not in (_NOERROR, _NXDOMAIN):
            if flight.edns and packet.refuses_edns(rcode):
                self._ask_without_edns(flight, server)
            else:
                self._refused(flight, server, dns.rcode.to_text(dns.rcode.Rcode(rcode)))
        elif answers == 0:
            status = DnsStatus.NXDOMAIN if rcode == _NXDOMAIN else DnsStatus.NODATA
            self._finish(flight, negative_answer(data, flight.question, flight.asked, status))
        else:
            if rcode == _NOERROR:
                ordinary = ordinary_answer(data, flight.question, flight.asked, answers)
                if ordinary is not None:
                    self._finish(flight, ordinary)
                    return
            try:
                answer, alias = packet.positive_answer(data, flight.question)
            except packet.UnusableReplyError as error:
                self._refused(flight, server, f"unusable reply: {error}")
                return
            if alias is None or flight.question.rdtype == "CNAME":
                self._finish(flight, answer)
            else:
                self._follow(flight, alias, answer.ttl)

    def _refused(self, flight: Flight, server: Upstream, what: str) -> None:
        """The server is well and cannot answer this: another may, the same will not."""
        flight.detail = f"{server.name}: {what}"
        flight.refuse(server)
        if flight.server == server:
            self._send(flight)

    def _follow(self, flight: Flight, alias: str, ttl: int) -> None:
        """Ask for the target of an alias that the server did not follow, in the same flight."""
        assert self._loop is not None
        flight.land()
        flight.ttl = min(flight.ttl, ttl)
        target = DnsQuestion(alias, flight.question.rdtype)
        asked = packet.question_bytes(target)
        if flight.aliases <= 0 or asked is None:
            flight.detail = "alias without an end" if asked else f"alias to {alias!r}"
            self._fail(flight)
            return
        known = self._cache.get(target, self._loop.time())
        if known is not None:
            self._finish(flight, known._replace(question=flight.question))
            return
        flight.aliases -= 1
        flight.ask(asked)
        flight.done = False
        flight.sent = 0
        flight.round = ()
        self._send(flight)

    def _retry_over_tcp(self, flight: Flight, server: Upstream) -> None:
        flight.over_tcp = True
        self.statistics.over_tcp += 1
        ident = next(self._ids)
        came = partial(self._came_over_tcp, flight, server, ident)
        self._streams.ask(server, ident + flight.query, max(self._timeout, PATIENCE), came)

    def _came_over_tcp(
        self, flight: Flight, server: Upstream, ident: bytes, data: bytes, problem: str
    ) -> None:
        if flight.done or self._loop is None:
            return
        flight.over_tcp = False
        ours = data[:2] == ident and packet.is_reply(data)
        head = packet.reply_head(data, flight.asked) if ours else None
        if head is None:
            flight.server = server
            self._refused(flight, server, problem or "unusable reply over TCP")
        else:
            self._judge(flight, server, data, head.rcode, head.answers)

    # --- ending --------------------------------------------------------------------------------

    def _finish(self, flight: Flight, answer: DnsAnswer) -> None:
        flight.land()
        self._flights.pop(flight.question, None)
        if answer.ttl > 0 and self._loop is not None:
            if answer.ttl > flight.ttl:
                answer = answer._replace(ttl=flight.ttl)
            self._cache.put(answer, self._loop.time())
        # Nobody joins them any more: the question is no longer among the flights.
        for done in flight.waiting:
            done(answer)

    def _fail(self, flight: Flight) -> None:
        self.statistics.failed += 1
        self._finish(flight, _tempfail(flight.question, flight.detail))


def _tempfail(question: DnsQuestion, detail: str) -> DnsAnswer:
    return DnsAnswer(question, DnsStatus.TEMPFAIL, detail=detail)
