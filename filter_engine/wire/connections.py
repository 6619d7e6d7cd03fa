"""The open connections of one worker: time-outs by one timer, and an end that loses nothing."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar


class Connection(Protocol):
    """What a server needs of a connection."""

    def abort(self) -> None:
        """Cut the connection off."""

    def check_deadline(self, now: float, /) -> None:
        """Close it if its peer has been silent too long; ``now`` is the event loop's time."""


C = TypeVar("C", bound=Connection)


class Connections(Generic[C]):
    """Base of a server: counts connections in and out; make it inside a running event loop."""

    def __init__(self) -> None:
        self.draining = False
        self.connections: set[C] = set()
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._sweeper = self._loop.call_later(1.0, self._sweep)

    def enter(self, connection: C) -> None:
        """A connection begins, perhaps one that was accepted just before the drain."""
        self.connections.add(connection)
        self._closed.clear()

    def forget(self, connection: C) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if self.draining:
            self.close_if_empty()

    def close_if_empty(self) -> None:
        """Nothing more is waited for once no connection is open."""
        if not self.connections:
            self._closed.set()

    async def wait_drained(self, seconds: float) -> bool:
        """Wait until every connection has ended; after ``seconds`` cut the rest off.

        Returns whether nothing had to be cut off. An MTA that is cut off answers 451 by its own
        ``milter_default_action``.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
            clean = True
        except TimeoutError:
            clean = False
            for connection in tuple(self.connections):
                connection.abort()
        self._sweeper.cancel()
        return clean

    def _sweep(self) -> None:
        # One timer a process instead of one a connection: time-outs need no precision.
        now = self._loop.time()
        for connection in tuple(self.connections):
            connection.check_deadline(now)
        self._sweeper = self._loop.call_later(0.5 if self.draining else 1.0, self._sweep)
