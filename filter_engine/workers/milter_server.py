"""Milter connections of a proxy worker: from the sockets to a verdict and back."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import cast

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.wire.budget import Budget
from filter_engine.wire.connections import Connections
from filter_engine.wire.milter.codec import ProtocolError
from filter_engine.wire.milter.reply import (
    CONTINUE,
    TEMPFAIL,
    ReplyOptions,
    milter_reply,
    reply_code,
)
from filter_engine.wire.milter.session import (
    Aborted,
    Closed,
    Limits,
    MessageReceived,
    RecipientNamed,
    Session,
)
from filter_engine.workers.logs import begin_message
from filter_engine.workers.statistics import Counter, Row

log = logging.getLogger(__name__)

GRACE = 0.3
"""Seconds from the order to hurry until connections without a message are closed."""

RECIPIENT_LIMIT = 3.0
"""Seconds that the question about a recipient may take."""

Judge = Callable[[MessageReceived], Awaitable[Verdict | None]]
"""Gives the verdict on a message; None means a temporary failure."""


Recipients = Callable[[Envelope], Awaitable[str | None]]
"""Says why the one recipient of an envelope is refused for now; None when it is taken."""


@frozen
class MilterTimes:
    """Seconds an MTA may keep us waiting."""

    idle: float = 900.0
    """Without a message under way; an SMTP client may be silent for 300 s between commands."""
    message: float = 600.0
    """Between two packets of a message."""


class MilterServer(Connections["MilterConnection"]):
    """What the connections of one worker share; ``connection`` is the protocol factory."""

    def __init__(
        self,
        judge: Judge,
        limits: Limits,
        options: ReplyOptions,
        budget: Budget,
        statistics: Row,
        times: MilterTimes | None = None,
        recipients: Recipients | None = None,
    ) -> None:
        super().__init__()
        self.judge = judge
        self.recipients = recipients
        self.limits = limits
        self.options = options
        self.budget = budget
        self.statistics = statistics
        self.times = times or MilterTimes()
        self.hurry = False

    def connection(self) -> MilterConnection:
        """A protocol for one accepted connection."""
        self.statistics.add(Counter.CONNECTIONS)
        return MilterConnection(self)

    def drain(self, *, hurry: bool) -> None:
        """Let connections end with their SMTP sessions; in a ``hurry``, after their messages."""
        self.draining = True
        self.hurry = self.hurry or hurry
        if hurry:
            # A message whose first packet is still on its way to us gets the time to begin.
            self._loop.call_later(GRACE, self._close_idle)
        self.close_if_empty()

    def _close_idle(self) -> None:
        for connection in tuple(self.connections):
            connection.drain()


class MilterConnection(asyncio.Protocol):
    """One connection from an MTA."""

    def __init__(self, server: MilterServer) -> None:
        self._server = server
        self._session = Session(server.limits, asks_recipients=server.recipients is not None)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._held = 0
        self._sock: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + server.times.idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.enter(self)
        if self._server.hurry:
            self._loop.call_later(GRACE, self.drain)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            self._sock = sock

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()
        self._hold(0)
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        session, transport = self._session, self._transport
        assert transport is not None
        if transport.is_closing():
            return
        try:
            events = session.feed(data)
        except ProtocolError as error:
            self._server.statistics.add(Counter.PROTOCOL_ERRORS)
            peer = transport.get_extra_info("peername") or "a local socket"
            log.warning("milter connection from %s closed: %s", peer, error)
            self.abort()
            return
        output = session.take_output()
        if output:
            transport.write(output)
        for event in events:
            if isinstance(event, MessageReceived):
                room = not event.dropped and self._hold(event.held)
                self._task = self._loop.create_task(self._answer(event, room))
            elif isinstance(event, RecipientNamed):
                self._task = self._loop.create_task(self._answer_recipient(event.envelope))
            elif isinstance(event, Aborted):
                self._cancel()
            elif isinstance(event, Closed):
                transport.close()
                return
        if self._sock is not None and self._task is None:
            # MTAs write packet by packet, and we answer only at the end: without an early ACK their
            # last packets would wait 40 ms for it (Nagle's algorithm and delayed ACK, tcp(7)).
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._task is None and not self._hold(session.held):
            session.drop()
            self._hold(0)
        self._set_deadline()
        if self._server.hurry:
            self._loop.call_later(GRACE, self.drain)

    async def _answer(self, message: MessageReceived, room: bool) -> None:
        """Send the reply to one message; whatever goes wrong becomes a temporary failure."""
        begin_message(message.envelope)
        try:
            verdict = await self._server.judge(message) if room else None
            if not room:
                log.warning("no room for message %s: temporary failure", message.envelope.queue_id)
            reply = milter_reply(
                verdict, message.header_counts, message.actions, self._server.options
            )
        except Exception:
            log.exception("message %s: no verdict", message.envelope.queue_id or "without id")
            reply = TEMPFAIL
        if reply == TEMPFAIL:
            self._server.statistics.add(Counter.TEMPFAILED)
        self._task = None
        self._hold(0)
        transport = self._transport
        assert transport is not None
        if transport.is_closing():
            return
        transport.write(reply)
        self._session.answered()
        if self._server.hurry:
            transport.close()
        self._set_deadline()

    async def _answer_recipient(self, envelope: Envelope) -> None:
        """Take or refuse one recipient; whatever goes wrong takes it."""
        begin_message(envelope)
        refusal = None
        try:
            async with asyncio.timeout(RECIPIENT_LIMIT):
                assert self._server.recipients is not None
                refusal = await self._server.recipients(envelope)
        except TimeoutError:
            log.warning("a recipient is taken unasked: no answer in %g s", RECIPIENT_LIMIT)
        except Exception:
            log.exception("a recipient is taken unasked")
        self._task = None
        transport = self._transport
        assert transport is not None
        if transport.is_closing():
            return
        if refusal is None:
            transport.write(CONTINUE)
        else:
            self._server.statistics.add(Counter.TEMPFAILED)
            transport.write(reply_code("451", "4.7.1", refusal))
        self._session.recipient_answered(taken=refusal is None)
        self._set_deadline()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._hold(0)

    def _hold(self, octets: int) -> bool:
        """Account for the octets kept; False when there is no room for more."""
        budget = self._server.budget
        more = octets - self._held
        if more > 0 and not budget.take(more):
            return False
        if more < 0:
            budget.give(-more)
        self._held = octets
        return True

    def _set_deadline(self) -> None:
        if self._task is not None:
            self._deadline = float("inf")  # the judge has a time limit of its own
            return
        times = self._server.times
        wait = times.message if self._session.in_message else times.idle
        self._deadline = self._loop.time() + wait

    def drain(self) -> None:
        """Close now if there is a hurry and no message under way; otherwise wait for the MTA."""
        if self._server.hurry and self._task is None and not self._session.in_message:
            assert self._transport is not None
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    def check_deadline(self, now: float) -> None:
        """End the connection if the MTA kept us waiting for too long."""
        if now >= self._deadline:
            log.info("milter connection closed: nothing came for too long")
            self.abort()
