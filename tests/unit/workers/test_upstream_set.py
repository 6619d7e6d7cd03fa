from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from filter_engine.config.upstreams import Upstream, parse_upstreams
from filter_engine.upstream.upstream_set import Health, UpstreamSet


def upstreams(text: str, **more: object) -> UpstreamSet:
    return UpstreamSet(parse_upstreams(text, 11333), random=Random(1), **more)  # type: ignore[arg-type]


def host(upstream: Upstream | None) -> str:
    assert upstream is not None
    return upstream.host


def test_master_slave_prefers_weight_and_goes_down_the_line() -> None:
    chosen = upstreams("master-slave:b:1:20,a:1:30,c:1:20")
    tried: list[Upstream] = []
    order = []
    while (upstream := chosen.choose(0.0, tried=tried)) is not None:
        tried.append(upstream)
        order.append(upstream.host)
    assert order == ["a", "b", "c"]
    assert host(chosen.choose(0.0)) == "a"


def test_sequential_keeps_the_order_of_writing() -> None:
    assert host(upstreams("sequential:a:1:1,b:1:9").choose(0.0)) == "a"


def test_round_robin_shares_by_weight_and_spreads_evenly() -> None:
    chosen = upstreams("round-robin:a:1:3,b:1:1")
    order = [host(chosen.choose(0.0)) for _ in range(8)]
    assert Counter(order) == {"a": 6, "b": 2}
    assert "bb" not in "".join(order)


def test_random_reaches_everyone() -> None:
    chosen = upstreams("random:a:1,b:1,c:1")
    assert {host(chosen.choose(0.0)) for _ in range(100)} == {"a", "b", "c"}


def test_sticky_stays_until_its_server_fails() -> None:
    chosen = upstreams("sticky:a:1,b:1")
    first = chosen.choose(0.0)
    assert first is not None
    assert {chosen.choose(0.0) for _ in range(10)} == {first}
    other = chosen.choose(0.0, tried=[first])
    assert other is not None
    assert other != first
    assert {chosen.choose(0.0) for _ in range(10)} == {other}


def test_hash_is_stable_and_moves_only_the_keys_of_a_dead_one() -> None:
    chosen = upstreams("hash:a:1,b:1,c:1")
    keys = [b"key%d" % number for number in range(300)]
    before = {key: chosen.choose(0.0, key=key) for key in keys}
    assert before == {key: chosen.choose(0.0, key=key) for key in keys}
    shares = Counter(host(upstream) for upstream in before.values())
    assert min(shares.values()) > 60
    dead = next(iter(set(before.values())))
    assert dead is not None
    for _ in range(4):
        chosen.failed(dead, 0.0)
    for key in keys:
        after = chosen.choose(1.0, key=key)
        assert after != dead
        if before[key] != dead:
            assert after == before[key]


def test_four_errors_within_ten_seconds_make_a_server_dead_for_a_minute() -> None:
    chosen = upstreams("master-slave:a:1:30,b:1:20")
    a = chosen.choose(0.0)
    assert a is not None
    assert [chosen.failed(a, now) for now in (0.0, 1.0, 2.0, 3.0)] == [False, False, False, True]
    assert host(chosen.choose(3.0)) == "b"
    assert [u.host for u in chosen.alive(62.9)] == ["b"]
    assert host(chosen.choose(63.0)) == "a"


def test_errors_far_apart_do_not_count_together() -> None:
    chosen = upstreams("master-slave:a:1:30,b:1:20")
    a = chosen.choose(0.0)
    assert a is not None
    assert not any(chosen.failed(a, now) for now in (0.0, 4.0, 8.0, 12.0, 16.0))
    assert host(chosen.choose(16.0)) == "a"


def test_an_answer_clears_the_errors() -> None:
    chosen = upstreams("master-slave:a:1:30,b:1:20")
    a = chosen.choose(0.0)
    assert a is not None
    for now in (0.0, 0.1, 0.2):
        chosen.failed(a, now)
    assert not chosen.succeeded(a)
    assert not chosen.failed(a, 0.3)
    for now in (0.4, 0.5, 0.6):
        chosen.failed(a, now)
    assert host(chosen.choose(1.0)) == "b"
    assert chosen.succeeded(a)
    assert host(chosen.choose(1.0)) == "a"


def test_the_dead_are_tried_when_nobody_else_is_left() -> None:
    chosen = upstreams("master-slave:a:1:30,b:1:20")
    for upstream in (Upstream("a", 1, 30), Upstream("b", 1, 20)):
        for _ in range(4):
            chosen.failed(upstream, 0.0)
    assert chosen.alive(1.0) == ()
    assert host(chosen.choose(1.0)) == "a"
    assert host(chosen.choose(1.0, tried=[Upstream("a", 1, 30)])) == "b"
    assert chosen.choose(1.0, tried=[Upstream("a", 1, 30), Upstream("b", 1, 20)]) is None


@pytest.mark.parametrize("errors", [1, 2])
def test_a_health_of_its_own(errors: int) -> None:
    chosen = upstreams("sequential:a:1,b:1", health=Health(errors, 1.0, 5.0))
    for _ in range(errors):
        chosen.failed(Upstream("a", 1), 0.0)
    assert host(chosen.choose(4.9)) == "b"
    assert host(chosen.choose(5.0)) == "a"


def test_a_limit_of_many_errors_is_bounded() -> None:
    chosen = upstreams("sequential:a:1,b:1", health=Health(10**30, 1.0, 5.0))
    assert [chosen.failed(Upstream("a", 1), 0.0) for _ in range(10_000)].count(True) == 1


def test_one_that_failed_rests_until_it_answers_or_the_time_is_up() -> None:
    chosen = upstreams("master-slave:a:1:30,b:1:20", health=Health(rest=10.0))
    first = chosen.choose(0.0)
    assert first is not None
    chosen.failed(first, 0.0)
    assert host(chosen.choose(9.0)) == "b"
    assert host(chosen.choose(10.0)) == "a"
    chosen.failed(first, 20.0)
    chosen.succeeded(first)  # late, but there
    assert host(chosen.choose(21.0)) == "a"
    for upstream in (first, chosen.choose(21.0, tried=[first])):
        assert upstream is not None
        chosen.failed(upstream, 30.0)
    assert host(chosen.choose(31.0)) == "a"  # when all rest, none does
