"""When certificates of Redis end, asked of a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import UpstreamList, parse_upstreams
from filter_engine.scan.store import Store
from filter_engine.workers.controller.store_certificates import PERIOD, StoreCertificates
from ports import free_port
from redis_server import PROGRAM, RedisServer
from redis_tls import YEAR, certificates

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
END = datetime(YEAR + 3, 1, 1, tzinfo=UTC).timestamp()
"""Of a certificate of this year's."""
PATIENCE = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[UpstreamList, Path]]:
    made, port = certificates(tmp_path / "tls"), free_port()
    lines = [
        f"tls-port {port}",
        f"tls-cert-file {made}/tls.pem",
        f"tls-key-file {made}/tls.pem",
        "tls-auth-clients no",
    ]
    with RedisServer(tmp_path / "redis", lines):
        yield parse_upstreams(f"127.0.0.1:{port}", 6379), made / "tls-ca.pem"


def test_what_a_server_shows_is_kept_while_it_shows_nothing(
    server: tuple[UpstreamList, Path],
) -> None:
    servers, authority = server
    now = [0.0]
    known = StoreCertificates(lambda: now[0], PATIENCE)

    def ends(where: RedisConfig) -> list[tuple[str, str, float]]:
        return [tuple(one) for one in asyncio.run(known.ends([Store("bayes", where)]))]  # type: ignore[misc]

    good = RedisConfig(servers=servers, ssl=True, ssl_ca=str(authority))
    shown = [("bayes", next(iter(servers)).name, END)]
    assert ends(good) == shown
    # Within the period nobody is asked; after it one that is refused changes nothing.
    unknown = RedisConfig(servers=servers, ssl=True)
    for later in (PERIOD / 2, PERIOD, 3 * PERIOD):
        now[0] = later
        assert ends(unknown) == shown


def test_who_is_not_asked(server: tuple[UpstreamList, Path], tmp_path: Path) -> None:
    servers, authority = server
    elsewhere = parse_upstreams(["redis.example.net:6379", "/run/redis.sock"], 6379)
    for where in (
        RedisConfig(servers=servers),
        RedisConfig(servers=elsewhere, ssl=True, ssl_ca=str(authority)),
        RedisConfig(servers=servers, ssl=True, ssl_ca=str(tmp_path / "none.pem")),
        RedisConfig(servers=servers, ssl=True, ssl_ca=str(authority), ssl_name="example.org"),
        RedisConfig(
            servers=parse_upstreams(f"127.0.0.1:{free_port()}", 6379),
            ssl=True,
            ssl_ca=str(authority),
        ),
    ):
        assert asyncio.run(StoreCertificates(patience=PATIENCE).ends([Store("redis", where)])) == []
