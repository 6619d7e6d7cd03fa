"""The controller of a running service ends tokens in its own time."""

from __future__ import annotations

from pathlib import Path

import pytest

from redis_server import PROGRAM, RedisServer

from .conftest import MakeEngine


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_tokens_end_in_a_running_service(make_engine: MakeEngine, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        redis.say("HSET", "RS_1", "S", "1", "H", "1")
        engine = make_engine()
        engine.write("redis.conf", f'servers = "{redis.name}"; timeout = 20s;')
        engine.write("classifier-bayes.conf", "expire = 90d;")
        engine.write("bayes_expiry.conf", "interval = 0.1;")
        engine.start()
        redis.until(b":86", "TTL", "RS_1")  # ten days
