"""Module dynamic_conf: what one host's controller saves, the scanners of all hosts use."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from redis_server import PROGRAM, RedisServer

from .engine import COMMAND, Engine, until

PATIENCE = 3
"""Seconds that a Redis has to answer in: this machine is busy."""

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no redis-server")


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("primary")) as server:
        yield server


@pytest.fixture(scope="module")
def replica(
    tmp_path_factory: pytest.TempPathFactory, primary: RedisServer
) -> Iterator[RedisServer]:
    line = f"replicaof 127.0.0.1 {primary.port}"
    with RedisServer(tmp_path_factory.mktemp("replica"), [line]) as server:
        server.until(b"master_link_status:up", "INFO", "replication")
        yield server


@pytest.fixture(scope="module")
def hosts(
    tmp_path_factory: pytest.TempPathFactory, primary: RedisServer, replica: RedisServer
) -> Iterator[tuple[Engine, Engine]]:
    """Two hosts, which read the replica and write to the primary."""
    made: list[Engine] = []
    try:
        for number in range(2):
            directory = tmp_path_factory.mktemp(f"host{number}")
            host = Engine(directory / "e")
            made.append(host)
            (directory / "db").mkdir()
            host.command = (*COMMAND, f"--var=DBDIR={directory}/db")
            host.write("worker-normal.inc", f'bind_socket = "127.0.0.1:{host.normal}"; count = 1;')
            host.write("worker-proxy.inc", "enabled = false;")
            host.write(
                "redis.conf",
                f'read_servers = "{replica.name}"; write_servers = "{primary.name}"; '
                f'prefix = "other"; timeout = {PATIENCE}s;',
            )
            host.write("greylist.conf", "enabled = false;")
            host.write("dynamic_conf.conf", "redis_watch_interval = 0.2s;")
            host.launch()
        for host in made:
            host.told("READY=1")
        yield made[0], made[1]
    finally:
        for host in made:
            host.close()


def post(host: Engine, path: str, body: object, **headers: str) -> tuple[int, dict[str, object]]:
    status, _, said = host.http(host.controller, path, json.dumps(body).encode(), headers)
    return status, json.loads(said)


def thresholds(host: Engine) -> dict[str, float | None]:
    _, _, body = host.http(host.controller, "/actions")
    return {row["action"]: row["value"] for row in json.loads(body)}


def score(host: Engine) -> float:
    """What a scanner gives for a missing date."""
    symbols = host.scan(b"From: a@client.example\r\nTo: b@home.example\r\n\r\nhello\r\n")["symbols"]
    assert isinstance(symbols, dict)
    return float(symbols["MISSING_DATE"]["score"])


def used(host: Engine, value: float) -> bool:
    """Whether a score is every scanner's: those of before may still take messages."""
    return score(host) == value and len(host.workers().get("normal", [])) == 1


def shared(primary: RedisServer) -> str:
    return primary.say("HGET", "dynamic_conf", "d").decode()


def test_saved_on_one_host_used_by_the_scanners_of_both(
    hosts: tuple[Engine, Engine], primary: RedisServer
) -> None:
    one, other = hosts
    before = score(other)
    saved = post(one, "/savesymbols", [{"name": "MISSING_DATE", "value": 3.25}])
    assert saved == (200, {"success": True, "shared": True})
    assert '"MISSING_DATE":3.25' in shared(primary)
    for host in hosts:
        until(lambda host=host: used(host, 3.25), "the score")  # type: ignore[misc]
    assert post(other, "/saveactions", [14, None, 7, 3])[0] == 200
    until(lambda: thresholds(one).get("reject") == 14.0, "the threshold")
    assert '"MISSING_DATE":3.25' in shared(primary)
    status, _, said = one.http(one.controller, "/changes")
    newest = json.loads(said)[0]
    assert (status, newest["target"], newest["before"]) == (200, "Redis", {"MISSING_DATE": "unset"})
    assert post(one, "/undo", None, Id=str(newest["id"]))[0] == 200
    until(lambda: used(other, before), "the score of before")
    until(lambda: thresholds(other)["reject"] == 14.0, "the threshold, still")


def test_a_bad_value_is_refused_and_named(
    hosts: tuple[Engine, Engine], primary: RedisServer
) -> None:
    one, other = hosts
    assert post(one, "/savesymbols", [{"name": "MISSING_DATE", "value": 2.5}])[0] == 200
    until(lambda: used(other, 2.5), "the score")
    good = json.loads(shared(primary).partition("\r\n")[2])
    good["scores"]["MISSING_DATE"] = "much"
    primary.say("HSET", "dynamic_conf", "d", json.dumps(good), "v", "900")
    until(lambda: "'MISSING_DATE': 'much' is no score" in other.log.read_text(), "the fault")
    assert score(other) == 2.5
    status, said = post(one, "/savesymbols", [{"name": "MISSING_DATE", "value": 4}])
    assert (status, "'much' is no score" in str(said["error"])) == (500, True)
    assert "much" in shared(primary)
    not_text = """'{"scores":{"MISSING_\\255":2}}'"""
    primary.say("EVAL", f"return redis.call('HSET', KEYS[1], 'd', {not_text})", "1", "dynamic_conf")
    until(lambda: "is not UTF-8" in other.log.read_text(), "the octet")
    assert score(other) == 2.5
    # mended by hand, with any higher version
    good["scores"]["MISSING_DATE"] = 1.75
    primary.say("HSET", "dynamic_conf", "d", json.dumps(good), "v", "901")
    until(lambda: used(other, 1.75), "the mended score")


def test_a_negative_threshold_is_used_and_told_once(
    hosts: tuple[Engine, Engine], primary: RedisServer
) -> None:
    one, other = hosts
    assert post(one, "/savesymbols", [{"name": "MISSING_DATE", "value": 2.25}])[0] == 200
    until(lambda: used(other, 2.25), "the score")
    good = json.loads(shared(primary).partition("\r\n")[2])
    told = "the threshold of greylist is -3: mail without any symbol gets it"
    for version, value in (("910", 2.5), ("911", 2.75)):
        good["actions"] = {"greylist": -3}
        good["scores"]["MISSING_DATE"] = value
        primary.say("HSET", "dynamic_conf", "d", json.dumps(good), "v", version)
        until(lambda value=value: used(other, value), "the next version")  # type: ignore[misc]
        assert thresholds(other)["greylist"] == -3.0
        assert other.log.read_text().count(told) == 1
    good["actions"] = {"reject": 14}
    primary.say("HSET", "dynamic_conf", "d", json.dumps(good), "v", "912")
    until(lambda: thresholds(other)["reject"] == 14.0, "the threshold")


def test_what_a_primary_lost_is_lost_on_all_hosts(
    hosts: tuple[Engine, Engine], primary: RedisServer
) -> None:
    """A fail-over without the last write: hosts that had it agree with the others again."""
    one, other = hosts
    primary.say("HSET", "dynamic_conf", "d", '{"scores":{"MISSING_DATE":1.5}}', "v", "950")
    until(lambda: used(one, 1.5), "the score")
    primary.say("HSET", "dynamic_conf", "d", '{"scores":{"MISSING_DATE":1.25}}', "v", "940")
    for host in (one, other):
        until(lambda host=host: used(host, 1.25), "the score of the primary")  # type: ignore[misc]
    # the whole key is lost: hosts go on, and the next change brings it back, above all they know
    primary.say("DEL", "dynamic_conf")
    assert post(one, "/saveactions", [13, None, 7, 3])[0] == 200
    until(lambda: thresholds(other).get("reject") == 13.0, "the threshold")
    assert '"MISSING_DATE":1.25' in shared(primary)
    assert primary.say("HGET", "dynamic_conf", "v").endswith(b"941\r\n")


def test_a_replica_is_never_written(
    hosts: tuple[Engine, Engine], primary: RedisServer, replica: RedisServer
) -> None:
    one, _ = hosts
    primary.say("CLIENT", "PAUSE", "60000", "WRITE")
    try:
        before = replica.say("HGETALL", "dynamic_conf")
        status, said = post(one, "/savesymbols", [{"name": "MISSING_DATE", "value": 9}])
        assert (status, "may have been saved" in str(said["error"])) == (500, True)
        assert replica.say("HGETALL", "dynamic_conf") == before
    finally:
        primary.say("CLIENT", "UNPAUSE")
