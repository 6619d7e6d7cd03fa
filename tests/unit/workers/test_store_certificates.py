"""When certificates of Redis end, asked of a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filter_engine.checks.dynamic_conf import DynamicConfOptions
from filter_engine.checks.remembered.greylist_options import GreylistOptions
from filter_engine.config.model import Config
from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import UpstreamList, parse_upstreams
from filter_engine.config.workers import FuzzyConfig
from filter_engine.workers.controller.store_certificates import (
    PERIOD,
    StoreCertificates,
    redis_places,
)
from ports import free_port
from redis_server import PROGRAM, RedisServer
from redis_tls import YEAR, certificates

PATIENCE = 60.0


def end(year: int) -> float:
    """Of a certificate that was made in ``year``."""
    return datetime(year + 3, 1, 1, tzinfo=UTC).timestamp()


class Server:
    """One place, whose certificate may change."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.port = free_port()
        self.servers = parse_upstreams(f"127.0.0.1:{self.port}", 6379)
        self.name = f"127.0.0.1:{self.port}"
        self.authority = folder / "tls" / "tls-ca.pem"
        self._folder = folder
        self._running = running

    def start(self, year: int) -> None:
        """Show a certificate of that year, from now on."""
        self._running.close()
        made = certificates(self._folder / "tls", year=year)
        lines = [
            f"tls-port {self.port}",
            f"tls-cert-file {made}/tls.pem",
            f"tls-key-file {made}/tls.pem",
            "tls-auth-clients no",
        ]
        self._running.enter_context(RedisServer(self._folder / "redis", lines))

    def where(self, **more: object) -> RedisConfig:
        """How it is reached."""
        given = {"servers": self.servers, "ssl": True, "ssl_ca": str(self.authority)} | more
        return RedisConfig(**given)  # type: ignore[arg-type]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if PROGRAM is None:
        pytest.skip("no redis-server")
    with ExitStack() as running:
        yield Server(tmp_path, running)


def test_servers_are_looked_at_once_a_period(server: Server) -> None:
    now = [0.0]
    known = StoreCertificates(lambda: now[0], PATIENCE)

    def ends(where: RedisConfig) -> list[tuple[str, str, float]]:
        return [tuple(one) for one in asyncio.run(known.ends([("bayes", where)]))]  # type: ignore[misc]

    before = [("bayes", server.name, end(YEAR))]
    after = [("bayes", server.name, end(YEAR + 1))]
    server.start(YEAR)
    assert ends(server.where()) == before
    server.start(YEAR + 1)
    now[0] = PERIOD - 1
    assert ends(server.where()) == before
    now[0] = PERIOD
    assert ends(server.where()) == after
    # One that is not accepted any more changes nothing.
    now[0] = 2 * PERIOD
    assert ends(server.where(ssl_ca="")) == after


def test_a_certificate_that_has_ended_is_told(server: Server) -> None:
    server.start(YEAR - 5)
    found = asyncio.run(StoreCertificates(patience=PATIENCE).ends([("redis", server.where())]))
    assert found == [("redis", server.name, end(YEAR - 5))]
    unknown = server.where(ssl_ca="")
    assert asyncio.run(StoreCertificates(patience=PATIENCE).ends([("redis", unknown)])) == []


def test_who_is_not_asked(server: Server, tmp_path: Path) -> None:
    server.start(YEAR)
    elsewhere = parse_upstreams(["redis.example.net:6379", "/run/redis.sock"], 6379)
    nobody = parse_upstreams(f"127.0.0.1:{free_port()}", 6379)
    for where in (
        server.where(ssl=False),
        server.where(servers=elsewhere),
        server.where(ssl_ca=str(tmp_path / "none.pem")),
        server.where(ssl_name="example.org"),
        server.where(servers=nobody),
    ):
        assert asyncio.run(StoreCertificates(patience=PATIENCE).ends([("redis", where)])) == []


def test_every_section_that_names_redis_is_looked_at() -> None:
    def at(number: int) -> UpstreamList:
        return parse_upstreams(f"192.0.2.{number}:6379", 6379)

    config = Config(
        redis=RedisConfig(servers=at(1), ssl=True),
        modules={
            "dynamic_conf": DynamicConfOptions(servers=at(2), ssl=True),
            "greylist": GreylistOptions(redis=RedisConfig(servers=at(3), ssl=True)),
            "history_redis": GreylistOptions(servers=at(4), ssl=True, backend="sqlite"),
            "ratelimit": GreylistOptions(servers=at(5), ssl=True),
        },
        disabled_modules=frozenset({"ratelimit"}),
        workers=(
            FuzzyConfig(count=1, servers=at(6), ssl=True),
            FuzzyConfig(count=1, servers=at(7), ssl=True, backend="sqlite"),
            FuzzyConfig(servers=at(8), ssl=True),
        ),
    )
    found = [
        (name, str(next(iter(where.reading)).host))
        for name, where in redis_places(config, ())
        if where.ssl and where.reading
    ]
    assert list(dict.fromkeys(found)) == [
        ("redis", "192.0.2.1"),
        ("dynamic_conf", "192.0.2.2"),
        ("greylist.redis", "192.0.2.3"),
        ("worker 'fuzzy'", "192.0.2.6"),
    ]
