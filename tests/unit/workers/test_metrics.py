"""``/metrics`` of a service with a replica, a dead virus scanner and a dead resolver: what a parser
of OpenMetrics reads in it, and the health that the fleet page shows."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from filter_engine.scan.statistics import Durations
from filter_engine.upstream.upstream_set import Standing
from filter_engine.workers.controller.metrics import Family, text_of
from filter_engine.workers.published import Published, published
from filter_engine.workers.statistics import Counter, Statistics
from redis_server import PROGRAM, RedisServer

from .engine import MESSAGE, Engine, Mta, until

UP = "filter_engine_upstream_up"
MOST_SAMPLES = 2000
"""More would be labels that a message, not the site, can make."""


class Site(NamedTuple):
    engine: Engine
    primary: RedisServer
    replica: RedisServer


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(engine: Engine) -> Samples:
    """Everything that the controller shows, as a parser of OpenMetrics reads it."""
    status, _, body = engine.http(engine.controller, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_fd_to_metric_families(iter(body.decode().splitlines(keepends=True)))
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def is_published(found: Samples, scans: int, engine: Engine) -> bool:
    """Whether every scan is counted, and who was asked meanwhile, by scanners and the proxy."""
    counted = value(found, "filter_engine_stage_seconds_count", stage="idempotent") or 0
    asked = {dict(labels).get("upstream") for name, labels in found if name == UP}
    return counted >= scans and f"127.0.0.1:{engine.normal}" in asked


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if PROGRAM is None:
        pytest.skip("no redis-server")
    folder = tmp_path_factory.mktemp("metrics")
    with (
        RedisServer(folder / "primary") as primary,
        RedisServer(folder / "replica", [f"replicaof 127.0.0.1 {primary.port}"]) as replica,
    ):
        replica.until(b"master_link_status:up", "INFO", "replication")
        engine = Engine(
            folder / "e",
            {
                "greylist.conf": "enabled = false;",
                "redis.conf": f'read_servers = "{replica.name}"; write_servers = "{primary.name}";'
                " timeout = 20s;",
                "antivirus.conf": 'clamav { type = "clamav"; servers = "127.0.0.1:9";'
                " scan_mime_parts = false; timeout = 0.5; retransmits = 0; }",
            },
        )
        try:
            engine.start()
            with Mta(engine.proxy) as mta:
                mta.send(MESSAGE)
            for _ in range(8):
                engine.scan(MESSAGE)
            until(
                lambda: is_published(samples(engine), 9, engine),
                "what each process publishes every few seconds",
            )
            yield Site(engine, primary, replica)
        finally:
            engine.close()


def test_every_upstream_is_there_with_its_health(site: Site) -> None:
    found = samples(site.engine)
    failed = "filter_engine_upstream_failures_total"
    for service, upstream, alive in (
        ("dns", "127.0.0.1:9", 0.0),
        ("antivirus clamav", "127.0.0.1:9", None),
        ("redis", site.replica.name, 1.0),
        ("scanner", f"127.0.0.1:{site.engine.normal}", 1.0),
    ):
        shown = value(found, UP, service=service, upstream=upstream)
        assert shown is not None, service
        if alive is not None:
            assert shown == alive, service
        failures = value(found, failed, service=service, upstream=upstream)
        assert failures is not None
        assert (failures > 0) == (upstream == "127.0.0.1:9"), service


def test_stages_and_round_trips_are_histograms(site: Site) -> None:
    found = samples(site.engine)
    for stage in ("prefilter", "filter", "idempotent"):
        count = value(found, "filter_engine_stage_seconds_count", stage=stage)
        last = value(found, "filter_engine_stage_seconds_bucket", stage=stage, le="+Inf")
        assert count == last
        assert count
    name = "filter_engine_redis_round_trip_seconds"
    assert (value(found, f"{name}_count", upstream=site.replica.name) or 0) > 0
    assert (value(found, f"{name}_sum", upstream=site.replica.name) or 0) > 0
    assert (value(found, "filter_engine_dns_timeouts_total") or 0) >= 0
    assert (value(found, "filter_engine_dns_asked_total") or 0) > 0
    assert value(found, "filter_engine_errors_total") is not None


def test_role_and_lag_of_what_is_read(site: Site) -> None:
    found = samples(site.engine)
    labels = {"place": "redis", "upstream": site.replica.name}
    assert value(found, "filter_engine_replication_answered", **labels) == 1
    assert value(found, "filter_engine_replication_primary", **labels) == 0
    assert value(found, "filter_engine_replication_link_up", **labels) == 1
    assert 0 <= (value(found, "filter_engine_replication_lag_seconds", **labels) or 0) < 60


def test_the_lag_of_a_replica_that_lost_its_primary_grows() -> None:
    from filter_engine.workers.controller.replication import _lag

    down = {"master_last_io_seconds_ago": "-1", "master_link_down_since_seconds": "75"}
    assert _lag(down) == 75
    assert _lag({"master_last_io_seconds_ago": "3"}) == 3
    assert _lag(down | {"master_link_down_since_seconds": "-1"}) is None


def test_the_labels_are_the_sites_alone(site: Site) -> None:
    found = samples(site.engine)
    assert len(found) < MOST_SAMPLES
    names = {name for _, labels in found for name, _ in labels}
    assert names <= {
        *("id", "version", "type", "symbol", "le", "stage", "service", "upstream"),
        *("place", "replica", "store", "check"),
    }


def test_the_state_for_the_fleet_page_shows_the_same(site: Site) -> None:
    state = json.loads(site.engine.http(site.engine.controller, "/state")[2])
    shown = {(one["service"], one["server"]): one for one in state["upstreams"]}
    assert shown["dns", "127.0.0.1:9"]["up"] is False
    assert shown["redis", site.replica.name]["up"] is True
    (store,) = state["stores"]
    assert (store["role"], store["link_up"]) == ("replica", True)


def test_counters_do_not_fall_when_a_scanner_dies(site: Site) -> None:
    """The next process of its row goes on from what was counted."""

    def passes() -> float:
        found = samples(site.engine)
        return value(found, "filter_engine_stage_seconds_count", stage="filter") or 0

    scanned = site.engine.stat()["scanned"]
    until(lambda: passes() >= scanned, "every scan is published")
    before, old = passes(), site.engine.workers()["normal"]
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    until(
        lambda: (
            len(new := site.engine.workers().get("normal", [])) == len(old)
            and not set(new) & set(old)
        ),
        "new scanners",
    )
    site.engine.scan(MESSAGE)
    until(lambda: passes() > before, "the new scanner's pass, on top of the old ones")


def test_a_primary_says_how_far_its_replicas_are(tmp_path: Path) -> None:
    """The rows of an INFO as Redis 7 writes it."""
    from filter_engine.workers.controller.metrics import _replication
    from filter_engine.workers.controller.replication import _behind

    said = {
        "master_repl_offset": "1000",
        "slave0": "ip=192.0.2.2,port=6379,state=online,offset=990,lag=0",
        "slave1": "ip=192.0.2.3,port=6379,state=online,offset=x",
    }
    row = {"place": "redis", "server": "a:1", "role": "primary", "replicas": 2}
    families = list(_replication([row | {"behind": dict(_behind(said))}]))
    text = text_of(families).decode()
    assert (
        'filter_engine_replication_lag_bytes{place="redis",upstream="a:1",replica="192.0.2.2:6379"}'
        " 10\n" in text
    )
    list(text_fd_to_metric_families(iter(text.splitlines(keepends=True))))


def test_hostile_names_are_escaped() -> None:
    name = 'a"b\\c\nd'
    family = Family("x", "gauge", "text\nmore", (("", (("l", name),), 1.0),))
    (read,) = text_fd_to_metric_families(iter(text_of([family]).decode().splitlines(True)))
    assert read.samples[0].labels == {"l": name}


def test_a_process_that_is_gone_says_nothing_of_servers() -> None:
    import orjson

    statistics = Statistics()
    took = Durations((1.0,))
    for seconds in (0.5, 1.5, 1.5):
        took.add(seconds)
    said = Published(store_questions=1, errors=2, stages={"filter": took}).told()
    for up in (True, False):
        row = statistics.take()
        statistics.row(row).set(Counter.ALIVE, 1)
        standings = [("dns", "a:53", up, 1)]
        statistics.numbers.put(row, orjson.dumps(said | {"standings": standings}))
    assert published(statistics).standings == (Standing("dns", "a:53", False, 2),)
    statistics.row(1).set(Counter.ALIVE, 0)
    found = published(statistics)
    assert found.standings == (Standing("dns", "a:53", True, 1),)
    assert (found.errors, found.store_questions) == (4, 2)
    assert (found.stages["filter"].counts, found.stages["filter"].seconds) == ([2, 4], 7.0)


def test_durations_fall_into_their_classes() -> None:
    took = Durations((0.001, 0.1))
    for seconds in (0.0, 0.001, 0.05, 0.1, 0.2):
        took.add(seconds)
    assert took.counts == [2, 2, 1]
    assert took.seconds == pytest.approx(0.351)
