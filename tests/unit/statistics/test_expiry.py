"""Which tokens end: the walk through them in a real Redis, and the controller that makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config.loader import load
from filter_engine.dns.table import TableResolver
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import StoreAnswer, StoreQuestion
from filter_engine.scanner import sections
from filter_engine.statistics.classifier import Classifier
from filter_engine.statistics.expiry import Expiry, ExpiryOptions, Walked
from filter_engine.statistics.options import ClassifiersOptions
from filter_engine.store.client import StoreClient
from redis_server import PROGRAM, RedisServer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
DAY = 86_400


@pytest.fixture(name="redis")
def one_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def walk_of(
    place: Path, redis: RedisServer, classifier: str = "", expiry: str = ""
) -> Expiry | None:
    checks.load()
    (place / "site.conf").write_text(
        f'classifier "bayes" {{ servers = "{redis.name}"; timeout = 20s; {classifier} }}\n'
        f"bayes_expiry {{ {expiry} }}\n"
    )
    config = load(place / "site.conf", {"DBDIR": str(place)}, {}, modules=sections(REGISTRY))
    options = config.modules["classifier"]
    assert isinstance(options, ClassifiersOptions)
    made = Classifier.of(options.every[0], Setup(config))
    assert made is not None
    walk = config.modules["bayes_expiry"]
    assert isinstance(walk, ExpiryOptions)
    return Expiry.of(made, walk)


def answered(*questions: StoreQuestion) -> list[StoreAnswer]:
    async def run() -> list[StoreAnswer]:
        client = StoreClient(TableResolver({}))
        client.open(asyncio.get_running_loop())
        try:
            return [await client.answer(question) for question in questions]
        finally:
            client.close()

    return asyncio.run(run())


def round_of(walk: Expiry | None) -> tuple[Walked, int]:
    """Walk until a round ends: what was done, in how many steps."""
    assert walk is not None
    for steps in range(1, 1000):
        done = walk.take(answered(walk.step())[0])
        if done is not None:
            return done, steps
    raise AssertionError("no end")


def token(redis: RedisServer, name: str, spam: int, ham: int, ttl: int = 0) -> None:
    redis.say("HSET", name, "S", str(spam), "H", str(ham))
    if ttl:
        redis.say("EXPIRE", name, str(ttl))


def left(redis: RedisServer, name: str) -> int:
    return int(redis.say("TTL", name)[1:])


def test_the_classes(tmp_path: Path, redis: RedisServer) -> None:
    token(redis, "RS_1", 40, 1, 50 * DAY)  # significant, would have ended
    token(redis, "RS_2", 0, 40)  # significant
    token(redis, "RS_3", 30, 30, 50 * DAY)  # common
    token(redis, "RS_4", 0, 0, 50 * DAY)  # taken back everywhere
    token(redis, "RS_5", 30, 30, DAY)  # common, ends sooner
    token(redis, "RS_6", 1, 0)  # infrequent, for ever
    token(redis, "RS_7", 1, 0, 50 * DAY)  # infrequent
    token(redis, "RS_8", 40, 20, 300 * DAY)  # frequent in both
    redis.say("HSET", "RS", "learns_spam", "10", "learns_ham", "10", "version", "2")
    redis.say("HSET", "RS_x@example.net", "learns_spam", "10")
    redis.say("SET", "RS_text", "1")
    token(redis, "OTHER_1", 1, 0)
    done, _ = round_of(walk_of(tmp_path, redis, "expire = 90d"))
    assert done == Walked(seen=8, significant=2, kept=1, common=3, shortened=2, others=3, limited=2)
    lives = {name: left(redis, f"RS_{name}") for name in range(1, 9)}
    assert lives[1] == lives[2] == -1
    assert lives[3] == lives[4] == 10 * DAY
    assert lives[5] <= DAY
    assert lives[6] == lives[8] == 90 * DAY
    assert 49 * DAY < lives[7] <= 50 * DAY
    assert [left(redis, name) for name in ("RS", "RS_x@example.net", "RS_text", "OTHER_1")] == [
        -1
    ] * 4


def test_bounded_steps_see_every_token(tmp_path: Path, redis: RedisServer) -> None:
    script = "for i=1,2000 do redis.call('HSET', 'RS_'..i, 'S', 1, 'H', 0) end"
    redis.say("EVAL", script, "0")
    walk = walk_of(tmp_path, redis, "expire = 1d", "count = 100; significant_factor = 1.0")
    assert walk is not None
    first = answered(walk.step())[0]
    assert walk.take(first) is None
    assert 100 <= walk.cycle.seen < 200
    done, steps = round_of(walk)
    assert done.seen == done.limited == 2000
    assert 10 <= steps <= 20
    again, _ = round_of(walk)
    assert again == Walked(seen=2000, others=2000), "the second round changes nothing"


def test_options(tmp_path: Path, redis: RedisServer) -> None:
    token(redis, "RSL_1", 10, 8, 50 * DAY)
    token(redis, "RSL_2", 10, 6, 50 * DAY)
    token(redis, "RS_1", 1, 1, 50 * DAY)
    walk = walk_of(
        tmp_path,
        redis,
        'expire = 90d; label = "L"',
        "epsilon_common = 0.2; common_ttl = 3d; significant_factor = 0.6",
    )
    done, _ = round_of(walk)
    assert (done.seen, done.common) == (2, 1)
    assert left(redis, "RSL_1") == 3 * DAY
    assert left(redis, "RS_1") > 49 * DAY, "of another classifier"


def test_tokens_of_each_user_and_their_counts(tmp_path: Path, redis: RedisServer) -> None:
    token(redis, "RSann@example.net_1", 1, 0)
    token(redis, "RSb_*b@example.net_1", 1, 0)
    redis.say("HSET", "RSb_*b@example.net", "learns_spam", "10", "learns_ham", "10")
    done, _ = round_of(walk_of(tmp_path, redis, "expire = 90d; per_user = true"))
    assert done.seen == 2
    assert left(redis, "RSb_*b@example.net") == -1, "what was learnt is no token"


@pytest.mark.parametrize(
    "classifier",
    ["", "expire = 0", "expire = 90d; allow_learn = false", 'expire = 90d; path = "x"'],
)
def test_who_does_not_walk(tmp_path: Path, redis: RedisServer, classifier: str) -> None:
    if "path" in classifier:
        classifier = f'expire = 90d; backend = "sqlite"; path = "{tmp_path}/tokens"'
    assert walk_of(tmp_path, redis, classifier) is None


def test_a_replica_is_not_written_and_the_same_keys_come_again(
    tmp_path: Path, redis: RedisServer
) -> None:
    token(redis, "RS_1", 1, 1)
    with RedisServer(tmp_path / "replica", [f"replicaof 127.0.0.1 {redis.port}"]) as replica:
        replica.until(b"master_link_status:up", "INFO", "replication")
        walk = walk_of(tmp_path, replica, "expire = 90d")
        assert walk is not None
        with pytest.raises(ValueError, match="replica"):
            walk.take(answered(walk.step())[0])
        assert left(redis, "RS_1") == -1
        replica.say("REPLICAOF", "NO", "ONE")
        assert round_of(walk)[0].shortened == 1


@pytest.mark.parametrize("value", [None, b"", [], [b"0"], [b"0", *[1] * 8], [7, *[1] * 7]])
def test_answers_that_are_none(tmp_path: Path, redis: RedisServer, value: Any) -> None:
    walk = walk_of(tmp_path, redis, "expire = 90d")
    assert walk is not None
    (answer,) = answered(walk.step())
    with pytest.raises(ValueError, match="no answer of the script"):
        walk.take(answer._replace(value=value))
