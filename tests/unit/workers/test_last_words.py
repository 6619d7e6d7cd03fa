"""What stores shall remember of the last messages arrives before their worker ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redis_server import PROGRAM, RedisServer

from .conftest import MakeEngine
from .engine import Engine

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


@pytest.mark.parametrize("end", [Engine.hup, Engine.stop], ids=["reload", "stop"])
def test_a_store_that_takes_a_moment_gets_what_it_shall_remember(
    make_engine: MakeEngine, tmp_path_factory: pytest.TempPathFactory, end: Callable[[Engine], None]
) -> None:
    with RedisServer(tmp_path_factory.mktemp("redis") / "redis") as redis:
        engine = make_engine()
        engine.write("redis.conf", f'servers = "{redis.name}"; timeout = 20s;')
        engine.start()
        engine.scan()
        redis.until(b":1", "DBSIZE")
        redis.say("FLUSHALL")
        redis.say("CLIENT", "PAUSE", "1500", "WRITE")
        engine.scan()
        end(engine)
        redis.until(b":1", "DBSIZE", seconds=5.0)
        assert "failed: 127.0.0.1" not in engine.log.read_text()
