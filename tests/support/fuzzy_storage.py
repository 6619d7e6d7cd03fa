"""A fuzzy storage on loopback, for tests."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable

from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config
from filter_engine.config.schema import bind
from filter_engine.config.workers import FuzzyConfig
from filter_engine.dns.table import TableResolver
from filter_engine.fuzzy.protocol import ReplyTo, Request, decode_reply
from filter_engine.store.client import StoreClient
from filter_engine.ucl import parse
from filter_engine.workers.fuzzy import FuzzyWorker


class Storage:
    """The worker on a socket of its own, with a real store, in an event loop in a thread."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        section = parse(f"count = 1; {text}")
        self._config = bind(FuzzyConfig, section, Collector(Layers({})), "worker 'fuzzy'")
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.port: int = self._sock.getsockname()[1]
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._started.wait(60)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        stores = StoreClient(TableResolver({}))
        stores.open(self._loop)
        worker = FuzzyWorker(self._config, Config(), stores, self._clock)
        await worker.start([self._sock])
        self._started.set()
        await self._stop.wait()
        worker.drain(hurry=True)
        assert await worker.wait_drained(60.0)
        stores.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    def say(self, request: Request, *, wait: float = 60.0) -> ReplyTo | None:
        """The reply to one request; None when none comes."""
        data = self.raw(request.encode(), wait)
        return None if data is None else decode_reply(data)

    def raw(self, data: bytes, wait: float = 60.0, *, source: str = "127.0.0.1") -> bytes | None:
        return ask(self.port, data, wait, source=source)


def ask(port: int, data: bytes, wait: float = 60.0, *, source: str = "127.0.0.1") -> bytes | None:
    """The reply to one datagram from ``source``; None when none comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        sock.send(data)
        try:
            return sock.recv(2048)
        except TimeoutError:
            return None
