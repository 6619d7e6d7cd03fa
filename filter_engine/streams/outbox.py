"""What is sent after the verdict, with nobody waiting: notices, and what stores shall remember."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Final

from filter_engine.lazy_dataclass import mutable
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.scan.store import StoreAnswer, StoreQuestion, Stores

log = logging.getLogger(__name__)

MAX_WAITING: Final = 1000
"""Notices that wait; more are dropped."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of all that wait or are on their way."""
AT_ONCE: Final = 16
"""Notices on their way."""


@mutable
class OutboxStatistics:
    """Counters of one worker."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0


class Outbox:
    """Sends notices, a few at a time. Failures are counted, and logged the first time in a row."""

    def __init__(self, streams: Exchanges, stores: Stores) -> None:
        self._streams = streams
        self._stores = stores
        self._waiting: deque[Exchange | StoreQuestion] = deque()
        self._open = 0
        self._bytes = 0
        self._failing: set[str] = set()
        self._empty: asyncio.Event | None = None
        self.statistics = OutboxStatistics()

    def put(self, notices: Iterable[Exchange | StoreQuestion]) -> None:
        """Take notices over; returns at once and never raises."""
        for notice in notices:
            size = _size(notice)
            if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_BYTES:
                self.statistics.dropped += 1
                self._tell(_whom(notice), "too many notices wait; some are dropped")
                continue
            self._bytes += size
            self._waiting.append(notice)
        self._next()

    async def settle(self, seconds: float) -> None:
        """Wait until nothing waits or is on its way, or the time is up."""
        self._empty = asyncio.Event()
        self._next()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            log.warning("%d notices are given up", self._open + len(self._waiting))

    def _next(self) -> None:
        while self._waiting and self._open < AT_ONCE:
            self._open += 1
            notice = self._waiting.popleft()
            if isinstance(notice, StoreQuestion):
                self._stores.store(notice, self._sent)
            else:
                self._streams.exchange(notice, self._sent)
        if self._empty is not None and not self._open:
            self._empty.set()

    def _sent(self, reply: Reply | StoreAnswer) -> None:
        self._open -= 1
        self._bytes -= _size(reply.question)
        if reply.ok:
            self.statistics.sent += 1
            if self._failing:
                self._failing.discard(_whom(reply.question))
        else:
            self.statistics.failed += 1
            self._tell(_whom(reply.question), reply.evidence)
        self._next()

    def _tell(self, servers: str, what: str) -> None:
        if servers not in self._failing:
            self._failing.add(servers)
            log.warning(
                "notice to %s failed: %s (counted, not logged again until one succeeds)",
                servers,
                what,
            )


def _size(notice: Exchange | StoreQuestion) -> int:
    if isinstance(notice, StoreQuestion):
        return sum(map(len, notice.args))
    return len(notice.send)


def _whom(notice: Exchange | StoreQuestion) -> str:
    return str(notice.store if isinstance(notice, StoreQuestion) else notice.servers)
