"""The embedded store alone: what goes wrong in its thread, and large hashes."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from filter_engine.scan.store import Embedded, Place, Script, Store, StoreStatus
from filter_engine.store.embedded.database import Database

from .conftest import Asked


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store("test", Place(str(tmp_path / "store.sqlite"), timeout=0.2))


def _endless(_base: Embedded, _keys: Sequence[bytes], _args: Sequence[bytes]) -> int:
    return int(float("inf"))


ENDLESS = Script("endless", "return 1", _endless, writes=True)


def test_a_script_that_fails_ends_no_other_question(
    ask: Asked, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        good, bad, other = ask.together(
            store.increase(b"n"), store.run(ENDLESS, [b"n"], []), store.increase(b"n")
        )
    assert [good.value, other.value] == [1, 2]
    assert bad.status is StoreStatus.ERROR
    assert "infinity" in bad.detail
    assert "test endless" in caplog.text
    assert ask(store.get(b"n")).value == b"2", "the store goes on"
    assert ask(store.trim(b"l", 2**64)).status is StoreStatus.ERROR
    assert ask(store.get(b"n")).value == b"2"


def test_a_command_it_does_not_know_is_an_answer(ask: Asked, store: Store) -> None:
    for _ in range(2):  # before there is a file, and with one
        assert ask(store.replication()).status is StoreStatus.ERROR
        assert ask(store.set(b"k", b"1")).ok


def test_writes_wait_for_a_lock_together_and_reads_do_not_fail(ask: Asked, store: Store) -> None:
    assert ask(store.set(b"k", b"1")).ok
    assert isinstance(store.where, Place)
    other = sqlite3.connect(store.where.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    answers = ask.together(*(store.increase(b"n") for _ in range(50)), store.get(b"k"))
    assert time.monotonic() - began < 5.0, "not 50 times the wait for the lock"
    assert {answer.status for answer in answers[:-1]} == {StoreStatus.UNREACHABLE}
    assert answers[-1].value == b"1"
    other.execute("ROLLBACK")
    other.close()
    assert ask(store.increase(b"n")).value == 1


@pytest.fixture
def base() -> Iterator[Database]:
    made = Database(":memory:")
    made.put(b"many", {b"%d" % n: b"%d.5" % n for n in range(5000)})
    yield made
    made.close()


def _steps(base: Database) -> list[int]:
    """A number for every 100 steps of SQLite from now on."""
    counted: list[int] = []
    base._base.set_progress_handler(lambda: counted.append(1), 100)
    return counted


def test_a_field_of_a_large_hash_is_found_without_the_others(base: Database) -> None:
    steps = _steps(base)
    assert base.fields(b"many", b"7", b"none", b"8", b"7") == [b"7.5", None, b"8.5", b"7.5"]
    assert base.put(b"many", {b"7": b"1", b"new": b"2"}) == 1
    assert len(steps) < 10


def test_many_fields_at_once(base: Database) -> None:
    names = [b"%d" % n for n in range(4000, 6000)]
    assert base.fields(b"many", *names) == [b"%d.5" % n for n in range(4000, 5000)] + 1000 * [None]


def test_the_highest_numbers_stay(base: Database) -> None:
    base.put(b"few", {b"c": b"1e1", b"a": b"9", b"d": b"10", b"b": b"-1"})
    for count, left in ((9, {b"a", b"b", b"c", b"d"}), (2, {b"c", b"d"}), (1, {b"d"}), (0, set())):
        base.leave_highest(b"few", count)
        assert set(base.everything(b"few")) == left
    assert len(base.everything(b"many")) == 5000


def test_a_transaction_left_open_hinders_nobody(base: Database) -> None:
    base._base.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        base.begin(writes=True, now=1.0)
    base.end(good=False)
    base.begin(writes=True, now=1.0)
    base.end()
