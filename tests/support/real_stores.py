"""Real stores of both kinds, and questions to them from outside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Place, Store, StoreQuestion
from filter_engine.store.client import StoreClient
from redis_server import PROGRAM, RedisServer

KINDS: Final = ("redis", "sqlite")
Run = Callable[[StoreQuestion], Any]
"""The value of an answer, which must be one."""


@contextmanager
def store_of(kind: str, module: str, folder: Path) -> Iterator[Store]:
    """An empty store of a module below ``folder``; the test is skipped without a redis-server."""
    if kind == "sqlite":
        yield Store(module, Place(str(folder / "store.sqlite")))
        return
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with RedisServer(folder / "redis") as server:
        yield Store(module, RedisConfig(servers=parse_upstreams(server.name, 6379), timeout=20.0))


@contextmanager
def asking() -> Iterator[Run]:
    """Ask stores question by question."""
    with asyncio.Runner() as runner:
        client = StoreClient(TableResolver({}))
        client.open(runner.get_loop())

        def ask(question: StoreQuestion) -> Any:
            answer = runner.run(client.answer(question))
            assert answer.ok, answer.evidence
            return answer.value

        yield ask
        client.close()
