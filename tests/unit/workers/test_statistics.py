from __future__ import annotations

import os

from filter_engine.scan.verdict import Action, Verdict
from filter_engine.workers.statistics import RECENT, ROWS, Counter, Statistics


def verdict(action: Action, seconds: float = 0.1) -> Verdict:
    return Verdict(action, 0.0, 15.0, time_real=seconds, unfinished=("a", "b"), timed_out=True)


def test_rows_add_up() -> None:
    statistics = Statistics()
    one, other = statistics.row(statistics.take()), statistics.row(statistics.take())
    one.record(verdict(Action.REJECT), 100)
    other.record(verdict(Action.REJECT), 50)
    other.record(verdict(Action.NO_ACTION), 1)
    totals = statistics.totals()
    assert totals[Counter.SCANNED] == 3
    assert totals[Counter.REJECT] == 2
    assert totals[Counter.NO_ACTION] == 1
    assert totals[Counter.BYTES] == 151
    assert totals[Counter.TIMEOUTS] == 3
    assert totals[Counter.UNFINISHED] == 6


def test_a_row_given_back_keeps_its_counts() -> None:
    statistics = Statistics()
    number = statistics.take()
    row = statistics.row(number)
    row.set(Counter.ALIVE, 1)
    row.add(Counter.CONNECTIONS, 5)
    assert len(statistics.alive()) == 1
    statistics.give(number)
    assert statistics.alive() == []
    assert statistics.take() == number
    row.add(Counter.CONNECTIONS)
    assert statistics.totals()[Counter.CONNECTIONS] == 6


def test_reset_hides_what_was_counted() -> None:
    statistics = Statistics()
    row = statistics.row(statistics.take())
    row.add(Counter.SCANNED, 7)
    assert statistics.reset()[Counter.SCANNED] == 7
    assert statistics.totals()[Counter.SCANNED] == 0
    row.add(Counter.SCANNED, 2)
    assert statistics.reset()[Counter.SCANNED] == 2
    assert statistics.totals()[Counter.SCANNED] == 0


def test_the_last_scan_times_in_order() -> None:
    statistics = Statistics()
    rows = [statistics.row(statistics.take()) for _ in range(2)]
    for number in range(RECENT + 10):
        rows[number % 2].record(verdict(Action.NO_ACTION, float(number)), 1)
    assert statistics.totals().scan_times == tuple(map(float, range(10, RECENT + 10)))


def test_a_child_counts_for_its_parent() -> None:
    statistics = Statistics()
    number = statistics.take()
    pid = os.fork()
    if pid == 0:
        statistics.row(number).add(Counter.SCANNED, 42)
        os._exit(0)
    os.waitpid(pid, 0)
    assert statistics.totals()[Counter.SCANNED] == 42


def test_more_processes_than_rows_share_the_last() -> None:
    statistics = Statistics()
    numbers = [statistics.take() for _ in range(ROWS + 2)]
    assert numbers[-1] == numbers[-2] == ROWS - 1


def test_what_became_of_reloads_is_shared() -> None:
    statistics = Statistics()
    assert (statistics.reload_error(), statistics.reloads()) == (None, 0)
    statistics.reloaded("actions.conf:2: é" + "x" * 10_000)
    read = statistics.reload_error()
    assert read is not None
    assert read.startswith("actions.conf:2: éxxx")
    assert len(read) < 5_000
    statistics.reloaded(None)
    assert (statistics.reload_error(), statistics.reloads()) == (None, 2)
