"""One server: a connection that all questions of the worker share, and its way back after a fault.

Commands of one turn of the event loop leave in one write; replies come in the order of commands.
While the server is away questions fail at once, and one attempt at a time, ever rarer, looks for
it: a thousand messages make no thousand connections.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from ipaddress import ip_address
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol, cast

from filter_engine.config.log_levels import NOTICE
from filter_engine.config.upstreams import Upstream
from filter_engine.scan.statistics import Durations
from filter_engine.scan.store import StoreStatus
from filter_engine.scan.tls_client import why_unconnected
from filter_engine.store.redis.codec import ProtocolError, Replies, ServerError, command
from filter_engine.store.redis.login import Login

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.1
"""Seconds after the first failure until the next attempt; twice as long after each further one."""
LONGEST_WAIT: Final = 10.0
MAX_WAITING: Final = 20_000
"""Commands without a reply; more fail at once."""
SILENT: Final = 3
"""Timeouts in a row, with nothing heard in between, after which the connection is given up."""
ROLE_PAUSE: Final = 1.0
"""Seconds between two questions for the role of a server that is a replica."""
ROUND_TRIPS: Final = (0.001, 0.005, 0.025, 0.1, 0.5)
"""Seconds that divide round trips into classes."""
_LOCALHOST: Final = ("127.0.0.1", "::1")


class Failure(NamedTuple):
    """Why there is no reply."""

    status: StoreStatus
    detail: str
    sent: bool
    """The server may have carried the command out."""


_REPLICA: Final = Failure(StoreStatus.READONLY, "it is a replica", sent=False)


class LookUp(Protocol):
    """Finds the addresses of a host name."""

    def __call__(self, host: str, done: Callable[[Sequence[str]], None], /) -> None: ...


Done = Callable[[Any], None]
"""Is given a reply, a ``ServerError`` or a ``Failure``; called once."""


class _Call:
    """A command on its way."""

    __slots__ = ("done", "end", "payload", "writes")

    def __init__(self, payload: bytes, done: Done, end: float, *, writes: bool = False) -> None:
        self.payload = payload
        self.done: Done | None = done
        self.end = end
        self.writes = writes


class Link(asyncio.Protocol):
    """The connection to ``server``. ``is_replica`` is what the server said of itself.

    ``timeout`` is in seconds, from question to reply, connecting included.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        server: Upstream,
        login: Login,
        timeout: float,
        look_up: LookUp,
        *,
        role: bool = True,
    ) -> None:
        self.server = server
        self.name = server.name
        self.is_replica = False
        self._loop = loop
        # A unix socket leads nowhere else, and Redis speaks no TLS there.
        self._login = login._replace(tls=False) if server.is_unix else login
        self._timeout = timeout
        self._look_up = look_up
        self._asks_role = role
        self._transport: asyncio.Transport | None = None
        self._replies = Replies()
        self._sent: deque[_Call] = deque()
        self._held: deque[_Call] = deque()
        self._out: list[bytes] = []
        self._ready = False
        self._closed = False
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._attempts = 0
        self._again = 0.0
        self._why = "not connected yet"
        self._silent = 0
        self._told = False
        self._role_again = 0.0
        # Not the loop's time: uvloop has it in whole milliseconds, most round trips are shorter.
        self._flushed = 0.0
        self.connections = 0
        self.failures = 0
        """Connections that failed, and times that something was waited for in vain."""
        self.round_trips = Durations(ROUND_TRIPS)
        """Seconds from a write to the first reply after it."""

    @property
    def up(self) -> bool:
        """The last attempt to reach the server did not fail."""
        return not self._told

    # Questions.

    def call(self, payload: bytes, done: Done, *, writes: bool = False) -> None:
        """Send a command; ``done`` is called once, later or at once, and nothing raises.

        A command that ``writes`` is not sent to a server that says it is a replica.
        """
        now = self._loop.time()
        if self._closed or len(self._sent) + len(self._held) >= MAX_WAITING:
            detail = "closed" if self._closed else "too many commands wait"
            done(Failure(StoreStatus.UNREACHABLE, detail, sent=False))
            return
        call = _Call(payload, done, now + self._timeout, writes=writes)
        if self._ready:
            if writes and self.is_replica:
                done(_REPLICA)
                self.ask_role()
                return
            self._sent.append(call)
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(payload)
        elif self._connecting is None and now < self._again:
            done(Failure(StoreStatus.UNREACHABLE, self._why, sent=False))
            return
        else:
            self._held.append(call)
            if self._connecting is None:
                # The connection is nobody's message: what it logs has no message's tag.
                self._connecting = self._loop.create_task(self._connect(), context=Context())
        if self._timer is None:
            self._timer = self._loop.call_at(call.end, self._time_out, context=Context())

    def close(self) -> None:
        """End; what is open fails."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        self._lose("closed")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ask_role(self) -> None:
        """Ask the server again whether it is a replica, at most once a second."""
        now = self._loop.time()
        if self._ready and now >= self._role_again:
            self._role_again = now + ROLE_PAUSE
            self.call(command(b"ROLE"), self._take_role)

    def _take_role(self, reply: Any) -> None:
        if isinstance(reply, list):
            self.is_replica = reply[:1] == [b"slave"]

    def _flush(self) -> None:
        if self._transport is not None and self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._transport.write(data)
            if not self._flushed:
                self._flushed = perf_counter()
        self._out.clear()

    # Time.

    def _time_out(self) -> None:
        """The oldest command is due: all have the same time, so the queues are in order."""
        self._timer = None
        now = self._loop.time()
        late: list[Done] = []
        while self._held and self._held[0].end <= now:
            call = self._held.popleft()
            if call.done is not None:
                late.append(call.done)
        held = len(late)
        for call in self._sent:
            if call.end > now:
                break
            if call.done is not None:
                late.append(call.done)
                call.done = None  # its reply may still come, and keeps its place in the queue
        for index, done in enumerate(late):
            sent = index >= held
            where = "no reply" if sent else "no connection"
            done(Failure(StoreStatus.TIMEOUT, f"{where} in {self._timeout:g} s", sent=sent))
        if len(late) > held:
            self.failures += 1
            self._silent += 1
            if self._silent >= SILENT:
                self._failed("it does not answer")
        ends = [queue[0].end for queue in (self._held,) if queue]
        ends += [call.end for call in self._sent if call.done is not None][:1]
        if ends and self._timer is None:
            self._timer = self._loop.call_at(min(ends), self._time_out)

    # Connecting.

    async def _connect(self) -> None:
        why = None
        try:
            async with asyncio.timeout(max(self._timeout, 1.0)):
                await self._open()
        except TimeoutError:
            why = f"no {'TLS ' if self._login.tls else ''}connection in time"
        except OSError as error:
            why = why_unconnected(error) or "no address"
        except (_RefusedError, ProtocolError, ValueError) as error:
            why = str(error)
        finally:
            self._connecting = None
        if why is not None:  # those that are told may ask again at once, and are to be told as soon
            self._failed(why)

    async def _open(self) -> None:
        server, loop = self.server, self._loop
        self.connections += 1
        context = self._login.context()
        name = (self._login.ssl_name or server.host) if context else None
        if server.is_unix:
            await loop.create_unix_connection(
                lambda: self, server.host, ssl=context, server_hostname=name
            )
        else:
            problem: OSError | None = None
            for address in await self._addresses():
                try:
                    await loop.create_connection(
                        lambda: self, address, server.port, ssl=context, server_hostname=name
                    )
                    break
                except OSError as error:
                    problem = error
            else:
                raise problem or OSError(f"{server.host} has no address")
        await self._introduce()

    async def _introduce(self) -> None:
        """Log in, and ask whether this is a replica."""
        said = self._login.commands()
        wanted: list[asyncio.Future[Any]] = []
        asked = [*said, *((command(b"ROLE"),) if self._asks_role else ())]
        for payload in asked:
            future: asyncio.Future[Any] = self._loop.create_future()
            self._sent.append(_Call(payload, _into(future), float("inf")))
            self._out.append(payload)
            wanted.append(future)
        self._flush()
        for index, future in enumerate(wanted):
            reply = await future
            if isinstance(reply, Failure):
                raise _RefusedError(reply.detail)
            if index < len(said):
                if isinstance(reply, ServerError):
                    raise _RefusedError(f"the login was refused: {reply.code}")
            else:  # a user may not be allowed to ask for the role
                self._take_role(reply)
        if self._transport is None:
            raise _RefusedError("the connection was closed")
        self._ready = True
        self._attempts = 0
        self._silent = 0
        if self._told:
            self._told = False
            log.log(NOTICE, "Redis %s answers again", self.server.name)
        held, self._held = self._held, deque()
        refused = [call for call in held if call.writes] if self.is_replica else []
        for call in held:
            if call not in refused:
                self._sent.append(call)
                self._out.append(call.payload)
        self._flush()
        for call in refused:
            if call.done is not None:
                call.done(_REPLICA)

    async def _addresses(self) -> Sequence[str]:
        host = self.server.host
        if self.server.srv:
            raise _RefusedError("SRV records are not looked up here")
        if host.lower() == "localhost":
            return _LOCALHOST
        try:
            return (str(ip_address(host)),)
        except ValueError:
            pass
        found: asyncio.Future[Any] = self._loop.create_future()
        self._look_up(host, _into(found))
        addresses: Sequence[str] = await found
        return addresses

    def _failed(self, why: str) -> None:
        """Count an attempt in vain and say when the next may be."""
        self.failures += 1
        wait = min(FIRST_WAIT * 2**self._attempts, LONGEST_WAIT)
        self._attempts = min(self._attempts + 1, 16)
        # Workers that lost the server together must not come back together.
        self._again = self._loop.time() + wait * random.uniform(0.5, 1.5)  # noqa: S311
        self._why = why
        if not self._told and not self._closed:
            self._told = True
            log.warning(
                "Redis %s: %s (tried again, not logged until it answers)", self.server.name, why
            )
        self._lose(why)

    def _lose(self, why: str) -> None:
        """The connection is gone: whatever waits for it fails."""
        transport, self._transport = self._transport, None
        self._ready = False
        self._flushed = 0.0
        self._out.clear()
        self._replies = Replies()
        if transport is not None:
            transport.abort()
        held, self._held = self._held, deque()
        sent, self._sent = self._sent, deque()
        for call in sent:
            if call.done is not None:
                call.done(Failure(StoreStatus.LOST, why, sent=True))
        for call in held:
            if call.done is not None:
                call.done(Failure(StoreStatus.UNREACHABLE, why, sent=False))

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        """Replies have come."""
        sent = self._sent
        self._silent = 0
        if self._flushed:
            self.round_trips.add(perf_counter() - self._flushed)
            self._flushed = 0.0
        try:
            for reply in self._replies.feed(data):
                if not sent:
                    raise ProtocolError("a reply to nothing")
                done = sent.popleft().done
                if done is not None:
                    done(reply)
        except ProtocolError as error:
            self._failed(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server is gone, unless it was given up from this side."""
        if self._transport is not None:
            was_ready = self._ready
            self._transport = None
            if was_ready and not self._closed:
                # One break of a good connection is no reason to wait.
                self._why = str(exc or "the server closed the connection")
                self._lose(self._why)
            elif not self._closed:
                self._lose(self._why_cut_off(exc))

    def _why_cut_off(self, exc: Exception | None) -> str:
        """Why the connection went before the server had said anything."""
        if isinstance(exc, OSError) and self._login.tls:
            return why_unconnected(exc)
        if self._login.tls:
            return "the server closed the connection"
        return "the server cut the connection before an answer: TLS alone? Then write ssl = true"


class _RefusedError(Exception):
    """The server cannot be used; the text says why."""


def _into(future: asyncio.Future[Any]) -> Done:
    def done(reply: Any) -> None:
        if not future.done():
            future.set_result(reply)

    return done
