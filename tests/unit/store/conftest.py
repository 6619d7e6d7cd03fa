"""Stores of tests: real Redis servers, and files of SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import Rotation, UpstreamList, parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Place, Store, StoreAnswer, StoreQuestion
from filter_engine.store.client import StoreClient
from filter_engine.workers.process import loop_factory
from redis_server import PROGRAM, RedisServer

PATIENCE = 20.0
"""Seconds a server may take to answer, for tests that are not about it: the machine is busy."""


class Asked:
    """A client in an event loop of its own (the one that workers use)."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=loop_factory())
        self.client = StoreClient(TableResolver({}))
        self.client.open(self._runner.get_loop())

    def __call__(self, question: StoreQuestion) -> StoreAnswer:
        return self._runner.run(self.client.answer(question))

    def together(self, *questions: StoreQuestion) -> list[StoreAnswer]:
        async def every() -> list[StoreAnswer]:
            return await asyncio.gather(*(self.client.answer(q) for q in questions))

        return self._runner.run(every())

    def until(
        self, question: StoreQuestion, wanted: Callable[[StoreAnswer], bool], seconds: float = 60.0
    ) -> StoreAnswer:
        """Ask again and again until the answer is as wanted."""

        async def ask() -> StoreAnswer:
            async with asyncio.timeout(seconds):
                while not wanted(answer := await self.client.answer(question)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                return answer

        return self._runner.run(ask())

    def run(self, work: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await work

        return self._runner.run(wait())

    def close(self) -> None:
        async def close() -> None:
            self.client.close()

        self._runner.run(close())
        self._runner.close()


@pytest.fixture
def ask() -> Iterator[Asked]:
    asked = Asked()
    yield asked
    asked.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path / "redis") as server:
        yield server


def servers(*found: RedisServer) -> UpstreamList:
    names = ",".join(server.name for server in found)
    return parse_upstreams([names], 6379, Rotation.MASTER_SLAVE)


def store_of(*found: RedisServer, prefix: bytes = b"", **options: Any) -> Store:
    options = {"timeout": PATIENCE, **options}
    return Store("test", RedisConfig(servers=servers(*found), **options), prefix)


@pytest.fixture(params=["redis", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return Store("test", Place(str(tmp_path / "store.sqlite")))
    return store_of(request.getfixturevalue("redis"))
