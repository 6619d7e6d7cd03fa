"""When the tries of questions have waited long enough: one timer for all of a worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from filter_engine.config.upstreams import Upstream
from filter_engine.dns.flight import Flight
from filter_engine.dns.sockets import Channel

_STEP = 0.02
"""Seconds between two looks at least: nearly everything is answered by then."""


class Deadlines:
    """A wheel: every try waits equally long, so that their deadlines come in order.

    ``timed_out(flight, server, now)`` is called for each that was not answered in time.
    """

    def __init__(self, timed_out: Callable[[Flight, Upstream, float], None]) -> None:
        self._timed_out = timed_out
        self._loop: asyncio.AbstractEventLoop | None = None
        # Of what was sent only the ids are kept: flights that have ended go at once.
        self._waiting: deque[tuple[float, Channel, list[bytes]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, by the time of this loop."""
        self._loop = loop

    def close(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def add(self, due: float, channel: Channel, idents: list[bytes]) -> None:
        """What was sent with these ids has time until ``due``, as its flights say too."""
        self._waiting.append((due, channel, idents))
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        assert self._loop is not None
        self._timer = None
        now = self._loop.time()
        waiting = self._waiting
        while waiting and waiting[0][0] <= now + 0.001:
            due, channel, idents = waiting.popleft()
            for ident in idents:
                flight = channel.expected.get(ident)
                # Another due: the id is another question's by now, or it was asked again already.
                if flight is not None and flight.due == due and not flight.over_tcp:
                    self._timed_out(flight, channel.server, now)
        if waiting and self._timer is None:
            self._timer = self._loop.call_at(max(waiting[0][0], now + _STEP), self._look)
