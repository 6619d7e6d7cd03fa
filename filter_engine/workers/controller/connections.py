"""The controller's connections: how many there may be, and how long one may say nothing.

aiohttp waits for ever for the rest of a request's headers, and takes every connection.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

from aiohttp import web

from filter_engine.workers.access import network_of

log = logging.getLogger(__name__)

MOST: Final = 512
"""Connections at once, where the process may have four times as many descriptors."""
EACH: Final = 128
"""Connections at once of one client (of IPv6: a /64), a proxy among them."""
PERIOD: Final = 60.0
"""Seconds between two lines about the same shortage."""
_SHORTAGE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connections:
    """Those of one process."""

    def __init__(self, timeout: float, most: int | None = None, each: int = EACH) -> None:
        """``timeout``: seconds for the headers of a request, and for a reply to be taken."""
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._timeout = timeout
        self._most = max(min(MOST, allowed // 4), 1) if most is None else most
        self._each = each
        self._clients: Counter[str] = Counter()
        self._known: dict[asyncio.BaseProtocol, _Connection] = {}
        self._silent: set[_Connection] = set()
        self._all_spoke = asyncio.Event()
        self._told: dict[str, float] = {}

    def factory(self, server: Callable[[], asyncio.BaseProtocol]) -> Callable[[], _Connection]:
        """Makes protocols like ``server``'s, within the bounds."""
        return lambda: _Connection(self, cast(Callable[[], asyncio.Protocol], server))

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[None]:
        """The headers have come; no deadline meanwhile."""
        connection = self._known.get(request.protocol)
        if connection is not None:
            connection.rest()
        try:
            yield
        finally:
            connection = self._known.get(request.protocol)
            if connection is not None:
                connection.wait(self._timeout)

    def add(self, connection: _Connection, inner: asyncio.Protocol, client: str) -> bool:
        """Whether there is room for one more of the client."""
        if len(self._known) >= self._most:
            self.tell("all", f"refuses connections: there are {self._most}")
        elif self._clients[client] >= self._each:
            self.tell("each", f"refuses connections of {client}: it has {self._each}")
        else:
            self._clients[client] += 1
            self._known[inner] = connection
            connection.wait(self._timeout)
            return True
        return False

    @property
    def silent(self) -> int:
        """Connections on which nothing was said yet."""
        return len(self._silent)

    def accepted(self, connection: _Connection) -> None:
        """It is there; its client has said nothing yet."""
        self._silent.add(connection)
        self._all_spoke.clear()

    def spoke(self, connection: _Connection) -> None:
        """Its client has begun to say something, or left."""
        self._silent.discard(connection)
        if not self._silent:
            self._all_spoke.set()

    async def wait_spoken(self, seconds: float) -> None:
        """Wait, for a while, for clients that were accepted and are about to ask.

        A connection that closes on them could not be told from one whose request was lost.
        """
        if self._silent:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._all_spoke.wait()

    def drop(self, inner: asyncio.Protocol, client: str) -> None:
        """It is gone."""
        if self._known.pop(inner, None) is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def fault(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """An event loop's exception handler: a shortage of descriptors is one line, not many."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _SHORTAGE:
            self.tell("shortage", f"cannot take connections: {error.strerror}")
        else:
            loop.default_exception_handler(dict(context))

    def tell(self, kind: str, what: str) -> None:
        """Log it, unless it was lately."""
        now = time.monotonic()
        if now - self._told.get(kind, -PERIOD) >= PERIOD:
            self._told[kind] = now
            log.error("controller: %s (told once a minute)", what)


class _Connection(asyncio.Protocol):
    """One connection: passes all on to aiohttp's protocol."""

    def __init__(self, all_: Connections, server: Callable[[], asyncio.Protocol]) -> None:
        self._all = all_
        self._server = server
        self._inner: asyncio.Protocol | None = None
        self._client = ""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = False

    def wait(self, seconds: float) -> None:
        """End the connection then, unless ``rest`` is called."""
        self.rest()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._late)

    def rest(self) -> None:
        """No deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        peer = transport.get_extra_info("peername")
        address = peer[0].partition("%")[0] if isinstance(peer, tuple) else None
        self._client = network_of(address)
        inner = self._server()
        if not self._all.add(self, inner, self._client):
            self._transport.abort()
            return
        self._inner = inner
        inner.connection_made(transport)
        self._all.accepted(self)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
        if not self._heard:
            self._heard = True
            self._all.spoke(self)  # aiohttp has it first

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.rest()
        self._transport = None
        self._all.spoke(self)
        if self._inner is not None:
            inner, self._inner = self._inner, None
            self._all.drop(inner, self._client)
            inner.connection_lost(exc)


class BoundedSite(web.SockSite):
    """Listens on a socket; its connections are within the bounds."""

    __slots__ = ("_connections",)

    def __init__(self, runner: web.AppRunner, sock: Any, connections: Connections) -> None:
        super().__init__(runner, sock)
        self._connections = connections

    async def start(self) -> None:
        """Begin to take connections."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        self._server = await asyncio.get_running_loop().create_server(
            self._connections.factory(server), sock=self._sock, backlog=self._backlog
        )
