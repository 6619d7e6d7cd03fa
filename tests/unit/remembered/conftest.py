"""A scanner with a small configuration, a real Redis and a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config.loader import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY, Registry
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner, sections
from filter_engine.store.client import StoreClient
from filter_engine.streams.client import StreamClient
from filter_engine.streams.outbox import Outbox
from filter_engine.streams.world import World
from redis_server import PROGRAM, RedisServer

checks.load()
NOW = 1_795_294_167.0
A = (
    b"From: Bob <Bob@Example.COM>\r\nTo: Alice <alice@example.net>\r\n"
    b"Message-ID: <one@example.com>\r\nSubject: Hi\r\nX-Five: yes\r\n\r\nBody text\r\nmore\r\n"
)
"""A message whose keys were seen on the wire between Rspamd 3.4 and Redis."""
FIVE = (
    "options { local_addrs = [127.0.0.0/8, 10.0.0.0/8]; }\n"
    'multimap { FIVE { type = header; header = "X-Five"; map = [yes]; score = 5; } }\n'
    "actions { greylist = 4; add_header = 6; reject = 15; }\n"
)


MODULES = frozenset(
    "multimap greylist ratelimit replies history_redis known_senders spamtrap store".split()  # noqa: SIM905
)


def some_checks() -> Registry:
    """Those that remember, and what gives a message its score."""
    found = Registry()
    for check in REGISTRY:
        if check.module in MODULES:
            found.add(check)
    return found


class Engine:
    """Scans, and sends its notices, in an event loop of its own."""

    def __init__(self, text: str, place: Path) -> None:
        (place / "site.conf").write_text(FIVE + text)
        config = load(
            place / "site.conf",
            {"DBDIR": str(place)},
            {},
            modules=sections(REGISTRY),
            groups=REGISTRY.groups(),
        )
        self.now = NOW
        self._runner = asyncio.Runner()
        resolver = TableResolver({})
        self.stores = StoreClient(resolver)
        streams = StreamClient(resolver)
        self.stores.open(self._runner.get_loop())
        world = World(resolver, streams, self.stores)
        self.scanner = Scanner(
            config, some_checks(), transport=world, clock=lambda: self.now, server="vm"
        )
        self.scanner._outbox = Outbox(streams, self.stores)

    def __call__(self, raw: bytes = A, **said: Any) -> Verdict:
        said.setdefault("ip", "198.51.100.77")

        async def scan() -> Verdict:
            verdict = await self.scanner.scan(raw, Envelope(**said))
            outbox = self.scanner._outbox
            assert outbox is not None
            await outbox.settle(60.0)
            return verdict

        return self._runner.run(scan())

    def close(self) -> None:
        async def close() -> None:
            self.stores.close()

        self._runner.run(close())
        self._runner.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with RedisServer(tmp_path / "redis") as server:
        yield server


Serve = Callable[..., Engine]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve(text, redis)``: an engine with that configuration; without ``redis`` with none."""
    engines: list[Engine] = []

    def make(text: str, redis: RedisServer | None = None) -> Engine:
        servers = "" if redis is None else f'redis {{ servers = "{redis.name}"; timeout = 20s; }}\n'
        engines.append(Engine(servers + text, tmp_path))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def options(verdict: Verdict, name: str) -> tuple[str, ...] | None:
    """The options of a symbol; None when it was not set."""
    found = verdict.symbol(name)
    return None if found is None else found.options
