"""What one host learned counts on all of them; what a host keeps for itself stays there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.lab import Lab
from mailflow import lessons, redis_hosts
from mailflow.playbook import play
from mailflow.remote import ENGINE, Remote
from mailflow.trial import Site

LAG = 10.0
"""Seconds at most: one on an idle machine, longer where three hosts share a busy one. Printed."""
PORTS = {"rspamd": 6381, "bayes": 6382, "fuzzy": 6383}


@pytest.fixture(scope="module")
def names(lab: Lab) -> list[str]:
    return [host.name for host in lab.site().hosts]


@pytest.fixture(scope="module")
def teacher(site: Site) -> Iterator[Remote]:
    """The access server's classifier, which has seen enough mail to judge; forgotten afterwards."""
    lab = site.lab
    with Remote(lab, site.access_server, "teach.py", python=ENGINE) as one:
        try:
            for number in range(lessons.MIN_LEARNS):
                for topic, spam in ((lessons.SPAM_WORDS, True), (lessons.HAM_WORDS, False)):
                    text = lessons.mail(topic, number)
                    said = one.ask(spam=spam, text=text, bulk=True)
                    assert said["ok"], said
            yield one
        finally:
            primary = redis_hosts.primary(lab, site.access_server, "bayes")
            redis_hosts.ask(lab, primary, "bayes", "flushall")


def test_what_the_access_server_learns_counts_at_both_exchangers(
    site: Site, teacher: Remote
) -> None:
    topic = uuid.uuid4().hex
    for host in site.exchangers:
        with Remote(site.lab, host, "judge.py") as judge:
            before = judge.ask(text=lessons.mail(topic + host, 0))
            assert "BAYES_SPAM" not in before["symbols"], before
            for number in range(3):
                assert teacher.ask(spam=True, bulk=True, text=lessons.mail(topic + host, number))[
                    "ok"
                ]
            after = judge.ask(text=lessons.mail(topic + host, 9), wanted="BAYES_SPAM", patience=LAG)
            assert after["symbols"].get("BAYES_SPAM", 0) > 0, after
            print(f"\n{host}: BAYES_SPAM {after['took'] * 1000:.0f} ms after the lesson")


@pytest.mark.parametrize("instance", redis_hosts.LEARNED)
def test_a_write_is_soon_at_all_replicas(instance: str, site: Site, names: list[str]) -> None:
    lab = site.lab
    primary = redis_hosts.primary(lab, site.access_server, instance)
    wait = str(int(LAG * 1000))
    key, began = f"lag-{uuid.uuid4().hex}", time.monotonic()
    try:
        assert redis_hosts.ask(lab, primary, instance, "set", key, "1") == "OK"
        reached = redis_hosts.ask(lab, primary, instance, "wait", str(len(names) - 1), wait)
        assert reached == str(len(names) - 1)
        print(f"\n{instance}: at {reached} replicas, {time.monotonic() - began:.2f} s with SSH")
        for name in names:
            assert redis_hosts.ask(lab, name, instance, "get", key) == "1", name
    finally:
        redis_hosts.ask(lab, primary, instance, "del", key)


@pytest.mark.parametrize("instance", redis_hosts.LEARNED)
def test_a_replica_refuses_writes_and_says_so(instance: str, site: Site, names: list[str]) -> None:
    primary = redis_hosts.primary(site.lab, site.access_server, instance)
    for host in names:
        key = "RS_test" if instance == "bayes" else "fuzzy_test"
        said = redis_hosts.ask_as_engine(site.lab, host, PORTS[instance], "hset", key, "S", "1")
        assert said.startswith("READONLY") == (host != primary), (host, said)
    redis_hosts.ask(site.lab, primary, instance, "del", key)


def test_the_engine_may_touch_its_own_class_of_data_and_nothing_else(site: Site) -> None:
    lab, host = site.lab, site.exchangers[0]
    forbidden = (
        ("get", "somebody"),
        ("set", "fuzzy_x", "1"),
        ("flushall",),
        ("config", "get", "dir"),
        ("keys", "*"),
        ("replicaof", "no", "one"),
        ("shutdown",),
        ("acl", "list"),
    )
    for words in forbidden:
        said = redis_hosts.ask_as_engine(lab, host, PORTS["bayes"], *words)
        assert said.startswith("NOPERM"), (words, said)
    assert redis_hosts.ask_as_engine(lab, host, PORTS["bayes"], "hgetall", "RS_no") == ""


def test_nobody_gets_in_without_a_login(site: Site) -> None:
    for port in PORTS.values():
        done = site.lab.ssh.run(site.exchangers[0], ["redis-cli", "-p", str(port), "ping"])
        assert done.stdout.startswith(b"NOAUTH"), port


def test_what_a_host_keeps_for_itself_stays_there(site: Site, names: list[str]) -> None:
    lab, state = site.lab, redis_hosts.STATE
    key = f"own-{uuid.uuid4().hex}"
    for name in names:
        said = redis_hosts.replication(lab, name, state)
        assert (said["role"], said["connected_slaves"]) == ("master", "0"), name
    redis_hosts.ask(lab, names[0], state, "set", key, "1")
    try:
        assert [redis_hosts.ask(lab, name, state, "get", key) for name in names] == ["1", "", ""]
    finally:
        redis_hosts.ask(lab, names[0], state, "del", key)


def test_every_sentinel_counts_all_of_them_and_knows_both_replicas(
    site: Site, names: list[str]
) -> None:
    for instance in redis_hosts.LEARNED:
        what = f"{instance} is settled"
        redis_hosts.until(what, lambda name=instance: redis_hosts.settled(site.lab, name), 60.0)  # type: ignore[misc]
        for name in names:
            said = redis_hosts.sentinel(site.lab, name, "master", instance)
            assert said["num-other-sentinels"] == str(len(names) - 1), name
            assert said["num-slaves"] == str(len(names) - 1), name


def test_a_backup_is_restored_and_does_not_destroy_what_is_newer(
    site: Site, names: list[str], tmp_path: Path
) -> None:
    lab = site.lab
    primary = redis_hosts.primary(lab, site.access_server, "bayes")

    def ask(*words: str) -> str:
        return redis_hosts.ask(lab, primary, "bayes", *words)

    where = ("-e", f"redis_backup_directory={tmp_path}", "-e", "redis_restore_instance=bayes")
    before, kept, later = ask("dbsize"), f"RS_{uuid.uuid4().hex}", f"RS_{uuid.uuid4().hex}"
    try:
        ask("set", kept, "1")
        play(lab, "backup.yml", *where)
        assert {path.name for path in tmp_path.iterdir()} == {
            "bayes.rdb",
            "fuzzy.rdb",
            *(f"rspamd-{name}.rdb" for name in names),
        }
        ask("set", later, "1")
        with pytest.raises(LabError, match="nothing was restored"):
            play(lab, "restore.yml", *where)
        assert ask("get", later) == "1"
        ask("del", kept)
        play(lab, "restore.yml", *where, "-e", '{"redis_restore_overwrite": true}')
        assert (ask("get", kept), ask("get", later)) == ("1", "")
        # Replicas fetch all of it anew.
        redis_hosts.until(
            "the replicas have it",
            lambda: {redis_hosts.ask(lab, name, "bayes", "get", kept) for name in names} == {"1"},
        )
    finally:
        ask("del", kept, later)
    assert ask("dbsize") == before
