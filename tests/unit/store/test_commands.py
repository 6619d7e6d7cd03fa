"""Both backends give the same answers to the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from filter_engine.scan.store import Embedded, Place, Script, Store, StoreStatus

from .conftest import Asked


def _embedded(base: Embedded, keys: Sequence[bytes], args: Sequence[bytes]) -> list[object]:
    total = base.increase(keys[0], b"n", int(args[0]))
    base.push(keys[1], *args[1:])
    return [total, base.items(keys[1], 0, -1), base.fields(keys[0], b"none")[0]]


ADD = Script(
    "add",
    """
    local total = redis.call('HINCRBY', KEYS[1], 'n', ARGV[1])
    for i = 2, #ARGV do redis.call('LPUSH', KEYS[2], ARGV[i]) end
    return {total, redis.call('LRANGE', KEYS[2], 0, -1), redis.call('HGET', KEYS[1], 'none')}
    """,
    _embedded,
    writes=True,
)


def test_strings(ask: Asked, store: Store) -> None:
    octets = bytes(range(256))
    assert ask(store.get(b"a")).value is None
    assert ask(store.set(b"a", octets)).value == b"OK"
    assert ask(store.get(b"a")).value == octets
    assert ask(store.set(b"a", b"other", only_new=True)).value is None
    assert ask(store.get_all(b"a", b"b")).value == [octets, None]
    assert ask(store.increase(b"n", 5)).value == 5
    assert ask(store.increase(b"n", -7)).value == -2
    assert ask(store.get(b"n")).value == b"-2"
    assert ask(store.delete(b"a", b"b", b"n")).value == 2
    assert ask(store.get(b"a")).value is None


def test_hashes(ask: Asked, store: Store) -> None:
    assert ask(store.put(b"h", {b"x": b"1", b"": b"empty"})).value == 2
    assert ask(store.put(b"h", {b"x": b"2", b"y": b"3"})).value == 1
    assert ask(store.fields(b"h", b"y", b"z", b"x")).value == [b"3", None, b"2"]
    assert ask(store.increase_field(b"h", b"x", 40)).value == 42
    said = ask(store.everything(b"h")).value
    assert dict(zip(said[::2], said[1::2], strict=True)) == {b"x": b"42", b"": b"empty", b"y": b"3"}
    assert ask(store.drop(b"h", b"x", b"none")).value == 1
    assert ask(store.everything(b"none")).value == []


def test_lists(ask: Asked, store: Store) -> None:
    assert ask(store.push(b"l", b"1", b"2")).value == 2
    assert ask(store.push(b"l", b"3")).value == 3
    assert ask(store.items(b"l")).value == [b"3", b"2", b"1"]
    assert ask(store.items(b"l", 1, 1)).value == [b"2"]
    assert ask(store.items(b"l", 0, -2)).value == [b"3", b"2"]
    assert ask(store.trim(b"l", 2)).value == b"OK"
    assert ask(store.items(b"l")).value == [b"3", b"2"]


def test_what_has_a_time_to_live_ends(ask: Asked, store: Store) -> None:
    ask(store.set(b"short", b"1", ttl=0.05))
    ask(store.set(b"long", b"1", ttl=1000))
    ask(store.put(b"h", {b"x": b"1"}))
    ask(store.push(b"l", b"1"))
    assert ask(store.expire(b"h", 0.05)).value == 1
    assert ask(store.expire(b"l", 0.05)).value == 1
    assert ask(store.expire(b"none", 5)).value == 0
    ask.until(store.get(b"short"), lambda answer: answer.value is None)
    ask.until(store.everything(b"h"), lambda answer: answer.value == [])
    ask.until(store.items(b"l"), lambda answer: answer.value == [])
    assert ask(store.get(b"long")).value == b"1"
    assert ask(store.increase_field(b"h", b"x")).value == 1, "it begins anew"
    assert ask(store.set(b"short", b"2", only_new=True)).value == b"OK"


def test_scripts_do_the_same_on_both(ask: Asked, store: Store) -> None:
    assert ask(store.run(ADD, [b"h", b"l"], [b"2", b"a", b"b"])).value == [2, [b"b", b"a"], None]
    assert ask(store.run(ADD, [b"h", b"l"], [b"3", b"c"])).value == [5, [b"c", b"b", b"a"], None]


def test_a_prefix_stands_before_every_key(ask: Asked, store: Store) -> None:
    mine = Store("mine", store.where, b"p:")
    ask(mine.set(b"a", b"1"))
    ask(mine.run(ADD, [b"h", b"l"], [b"1", b"x"]))
    assert ask(store.get_all(b"a", b"p:a")).value == [None, b"1"]
    assert ask(store.items(b"p:l")).value == [b"x"]
    assert ask(mine.get(b"a")).value == b"1"


def test_what_cannot_be_done_fails_alone(ask: Asked, store: Store) -> None:
    ask(store.set(b"word", b"no number"))
    good, bad, other = ask.together(
        store.increase(b"n", 1), store.increase(b"word"), store.increase(b"m", 1)
    )
    assert (good.value, other.value) == (1, 1)
    assert bad.status is StoreStatus.ERROR
    assert bad.value is None
    assert bad.detail


def test_many_at_once_are_answered_in_order(ask: Asked, store: Store) -> None:
    answers = ask.together(*(store.increase(b"n") for _ in range(500)))
    assert [answer.value for answer in answers] == list(range(1, 501))


def test_sqlite_keeps_what_was_written_and_is_private(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "kept.sqlite"))
    for wanted in (1, 2):
        asked = Asked()
        assert asked(Store("one", place).increase(b"n")).value == wanted
        asked.close()
    assert (tmp_path / "kept.sqlite").stat().st_mode & 0o777 == 0o600


def test_nothing_is_made_before_something_is_written(ask: Asked, tmp_path: Path) -> None:
    path = tmp_path / "later.sqlite"
    store = Store("one", Place(str(path)))
    assert ask(store.get(b"a")).value is None
    assert ask(store.everything(b"h")).value == []
    assert ask(store.fields(b"h", b"x")).value == [None]
    assert not path.exists()
    other = Asked()
    assert other(store.set(b"a", b"1")).ok
    other.close()
    assert ask(store.get(b"a")).value == b"1", "what another worker wrote is found"


def test_two_workers_share_one_file(tmp_path: Path) -> None:
    store = Store("one", Place(str(tmp_path / "shared.sqlite"), timeout=5.0))
    one, other = Asked(), Asked()
    for asked in (one, other) * 20:
        assert asked(store.increase(b"n")).ok
    assert one(store.get(b"n")).value == other(store.get(b"n")).value == b"40"
    one.close()
    other.close()


def test_a_file_that_cannot_be_made_is_an_answer(ask: Asked, tmp_path: Path) -> None:
    answer = ask(Store("one", Place(str(tmp_path / "none" / "x.sqlite"))).set(b"a", b"1"))
    assert answer.status is StoreStatus.ERROR
    assert str(tmp_path) in answer.server


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_values_of_any_size(ask: Asked, store: Store, size: int) -> None:
    ask(store.set(b"k", b"\r\n" * size))
    assert ask(store.get(b"k")).value == b"\r\n" * size
