"""A unix socket of Redis: TLS is for the servers beside it."""

from __future__ import annotations

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.scan.store import Store
from redis_server import PROGRAM, RedisServer

from .conftest import PATIENCE, Asked

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


@pytest.mark.parametrize("options", [{}, {"ssl_ca": "no-such.pem"}, {"ssl_name": "example.org"}])
def test_it_is_asked_in_clear(ask: Asked, redis: RedisServer, options: dict[str, str]) -> None:
    servers = parse_upstreams(str(redis.path), 6379)
    answer = ask(
        Store("test", RedisConfig(servers=servers, ssl=True, timeout=PATIENCE, **options)).set(
            b"a", b"1"
        )
    )
    assert (answer.ok, answer.server) == (True, str(redis.path))
