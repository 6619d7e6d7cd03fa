"""The stores of one worker: each question goes to the backend of its store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from filter_engine.dns.addresses import Asked, look_up
from filter_engine.scan.statistics import Durations
from filter_engine.scan.store import Place, Store, StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.upstream.upstream_set import Health, Standing

if TYPE_CHECKING:
    from filter_engine.store.redis.client import Links


class _Backend(Protocol):
    def ask(self, question: StoreQuestion, done: Callable[[StoreAnswer], None], /) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class StoreStatistics:
    """Counters of one worker since ``open``."""

    questions: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Store -> questions without an answer."""


class StoreClient:
    """Carries questions to stores out; host names go to ``resolver``. Opened in each worker."""

    def __init__(self, resolver: Asked, health: Health | None = None) -> None:
        self._resolver = resolver
        self._health = health or Health()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._backends: dict[Store, _Backend] = {}
        self._shared: dict[object, _Backend] = {}
        self._links: Links | None = None
        self.statistics = StoreStatistics()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; connections are made when they are needed."""
        self._loop = loop

    def close(self) -> None:
        """End; what is open fails."""
        self._loop = None
        for backend in self._shared.values():
            backend.close()
        if self._links is not None:
            self._links.close()
        self._backends.clear()
        self._shared.clear()

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None], /) -> None:
        """Carry ``question`` out; ``done`` is called once, and nothing raises."""
        self.statistics.questions += 1
        backend = self._backends.get(question.store)
        if backend is None:
            if self._loop is None:
                done(StoreAnswer(question, StoreStatus.UNKNOWN, detail="the client is closed"))
                return
            backend = self._backends[question.store] = self._backend(question.store, self._loop)
        backend.ask(question, partial(self._done, done))

    async def answer(self, question: StoreQuestion) -> StoreAnswer:
        """Carry ``question`` out, for those outside a scan."""
        future: asyncio.Future[StoreAnswer] = asyncio.get_running_loop().create_future()

        def take(answer: StoreAnswer) -> None:
            if not future.done():
                future.set_result(answer)

        self.store(question, take)
        return await future

    def standings(self) -> list[Standing]:
        """How the Redis servers stand that were asked."""
        return [
            Standing("redis", link.server.name, link.up, link.failures)
            for link in self._links or ()
        ]

    def round_trips(self) -> Iterator[tuple[str, Durations]]:
        """Each Redis server that was asked, and how long it took to answer."""
        return ((link.server.name, link.round_trips) for link in self._links or ())

    def _done(self, done: Callable[[StoreAnswer], None], answer: StoreAnswer) -> None:
        if answer.status is not StoreStatus.OK:
            self.statistics.failed[answer.question.store.name] += 1
        done(answer)

    def _backend(self, store: Store, loop: asyncio.AbstractEventLoop) -> _Backend:
        """The backend of a store; stores of the same servers, or the same file, share one."""
        where = store.where
        key: object = where if isinstance(where, Place) else id(where)
        backend = self._shared.get(key)
        if backend is None:
            backend = self._shared[key] = self._made(store, loop)
        return backend

    def _made(self, store: Store, loop: asyncio.AbstractEventLoop) -> _Backend:
        # Neither SQLite nor Redis is loaded by a worker that has no store of that kind.
        if isinstance(store.where, Place):
            from filter_engine.store.embedded.client import EmbeddedClient

            return EmbeddedClient(store.where, loop)
        from filter_engine.store.redis.client import Links, RedisClient

        if self._links is None:
            self._links = Links(loop, partial(look_up, self._resolver), self._health)
        return RedisClient(store.where, self._links)
