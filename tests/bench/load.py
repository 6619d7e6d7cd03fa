"""The client: a fixed number of requests at a fixed concurrency, one connection a message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

TIMEOUT = 20.0
"""Seconds for one reply."""


@dataclass(frozen=True)
class Load:
    """What the client saw."""

    seconds: float
    latencies: tuple[float, ...]
    """Seconds from connect to the end of each reply, ascending."""
    failed: int
    """Requests that were not answered with status 200."""

    def quantile(self, share: float) -> float:
        """Seconds that this share of the replies did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


class _Exchange(asyncio.Protocol):
    def __init__(self, request: bytes, ended: asyncio.Future[bool]) -> None:
        self._request, self._ended = request, ended
        self._status = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if len(self._status) < 12:
            self._status += data[:12]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(exc is None and self._status[8:12] == b" 200")


async def drive(port: int, requests: Sequence[bytes], concurrency: int) -> Load:
    """Send every request once, ``concurrency`` of them at a time."""
    loop = asyncio.get_running_loop()
    queue = iter(requests)
    latencies: list[float] = []
    failed = 0

    async def client() -> None:
        nonlocal failed
        for request in queue:
            ended: asyncio.Future[bool] = loop.create_future()
            began = time.perf_counter()
            try:
                async with asyncio.timeout(TIMEOUT):
                    await loop.create_connection(
                        lambda ended=ended, request=request: _Exchange(request, ended),
                        "127.0.0.1",
                        port,
                    )
                    failed += not await ended
            except (OSError, TimeoutError):
                failed += 1
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(concurrency)))
    return Load(time.perf_counter() - began, tuple(sorted(latencies)), failed)
