"""A primary dies, Sentinels promote a replica, writes go on there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.scan.store import Store, StoreStatus
from redis_server import PROGRAM, RedisServer
from redis_tls import certificates

from .conftest import Asked, servers

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


class Fleet(NamedTuple):
    primary: RedisServer
    replica: RedisServer
    sentinels: tuple[RedisServer, ...]
    tls: Path | None = None

    def store(self, *, writing: bool = False, reading: RedisServer | None = None) -> Store:
        given: dict[str, Any] = {"servers": servers(self.primary)} if writing else {}
        if self.tls is not None:
            given |= {"ssl": True, "ssl_ca": str(self.tls / "tls-ca.pem")}
        if reading is not None:
            given["read_servers"] = servers(reading)
        sentinels = servers(*self.sentinels)
        return Store(
            "test",
            RedisConfig(sentinels=sentinels, sentinel_master_name="fleet", timeout=5.0, **given),
        )


@pytest.fixture(params=["plain"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    tls = certificates(tmp_path / "tls") if request.param == "tls" else None
    primary = RedisServer(tmp_path / "primary", tls=tls)
    following = [f"replicaof 127.0.0.1 {primary.port}"]
    replica = RedisServer(tmp_path / "replica", following, tls=tls)
    lines = [
        f"sentinel monitor fleet 127.0.0.1 {primary.port} 2",
        "sentinel down-after-milliseconds fleet 1500",
        "sentinel failover-timeout fleet 2000",
    ]
    sentinels = tuple(
        RedisServer(tmp_path / f"sentinel{n}", lines, sentinel=True, tls=tls) for n in range(3)
    )
    every = (primary, replica, *sentinels)
    try:
        primary.start()
        replica.start().until(b"master_link_status:up", "INFO", "replication")
        for sentinel in sentinels:
            sentinel.start()
        for sentinel in sentinels:
            sentinel.until(b"num-slaves\r\n$1\r\n1", "SENTINEL", "MASTER", "fleet")
            sentinel.until(b"num-other-sentinels\r\n$1\r\n2", "SENTINEL", "MASTER", "fleet")
        yield Fleet(primary, replica, sentinels, tls)
    finally:
        for server in every:
            server.stop(hard=True)


@pytest.mark.parametrize("fleet", ["plain", "tls"], indirect=True)
def test_writes_follow_a_promotion(ask: Asked, fleet: Fleet) -> None:
    store = fleet.store()
    assert ask(store.set(b"a", b"1")).server == fleet.primary.name
    assert ask.until(store.get(b"a"), lambda a: a.value == b"1").server == fleet.replica.name
    fleet.sentinels[0].stop(hard=True)
    assert ask(store.set(b"b", b"1")).ok, "the other Sentinels know as well"
    ask.until(store.get(b"b"), lambda answer: answer.value == b"1")
    fleet.primary.stop(hard=True)
    fleet.sentinels[0].start()
    written = ask.until(store.set(b"c", b"1"), lambda answer: answer.ok)
    assert written.server == fleet.replica.name
    assert ask(store.get_all(b"a", b"b", b"c")).value == [b"1", b"1", b"1"]


@pytest.mark.parametrize("fleet", ["tls"], indirect=True)
def test_sentinels_of_another_authority_are_not_believed(
    ask: Asked, fleet: Fleet, tmp_path: Path
) -> None:
    other = certificates(tmp_path / "other", password="of somebody else's site")
    answer = ask(fleet._replace(tls=other).store().get(b"a"))
    assert answer.status is StoreStatus.UNREACHABLE
    assert ask(fleet.store().set(b"a", b"1")).ok


def test_a_write_to_a_demoted_primary_goes_to_the_new_one(ask: Asked, fleet: Fleet) -> None:
    store = fleet.store(writing=True)
    assert ask(store.set(b"a", b"1")).server == fleet.primary.name
    # not before it knows the replica well enough
    fleet.sentinels[0].until(b"+OK", "SENTINEL", "FAILOVER", "fleet")
    fleet.replica.until(b"master", "ROLE")
    # as Sentinels do themselves, ten seconds later
    fleet.primary.until(b"OK", "REPLICAOF", "127.0.0.1", str(fleet.replica.port))
    answer = ask.until(store.set(b"b", b"1"), lambda answer: answer.ok)
    assert answer.server == fleet.replica.name


def test_replicas_that_the_site_names_are_read_whatever_sentinels_say(
    ask: Asked, fleet: Fleet
) -> None:
    store = fleet.store(reading=fleet.primary)
    assert ask(store.set(b"a", b"1")).server == fleet.primary.name
    assert ask(store.get(b"a")).server == fleet.primary.name


def test_without_any_sentinel_it_is_an_answer(ask: Asked, tmp_path: Path) -> None:
    gone = RedisServer(tmp_path / "gone", sentinel=True)
    where = RedisConfig(sentinels=servers(gone), sentinel_master_name="fleet")
    assert ask(Store("test", where).get(b"a")).status is StoreStatus.UNREACHABLE
