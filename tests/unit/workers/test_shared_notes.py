"""What processes tell each other: errors, hits of symbols, numbers, the throughput."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from filter_engine.config.dynamic import DynamicError
from filter_engine.scan.verdict import Action, SymbolResult, Verdict
from filter_engine.workers.board import SLOT, Board
from filter_engine.workers.controller import changes
from filter_engine.workers.controller.changes import Changes
from filter_engine.workers.controller.throughput import FILE, STEPS, VALUES, Throughput
from filter_engine.workers.error_notes import ErrorNotes, Kept, note_errors, noted
from filter_engine.workers.statistics import WITHIN, Counter, Statistics
from filter_engine.workers.symbol_hits import SymbolHits


def test_a_board_holds_what_each_said_last() -> None:
    board = Board(3)
    assert board.every() == []
    assert board.put(1, b"first")
    assert board.put(1, b"2nd")
    assert not board.put(1, bytes(SLOT))
    assert board.put(2, b"other")
    assert board.every() == [b"2nd", b"other"]


def test_another_process_sees_it() -> None:
    board = Board(2)
    pid = os.fork()
    if not pid:
        board.put(1, b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.get(1) == b"from the child"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before = logger.handlers[:]
    yield logger
    logger.handlers[:] = before


def test_errors_are_noted_the_newest_first_and_outlive_a_process(root: logging.Logger) -> None:
    board = Board(2)
    note_errors(board, 0, "normal")
    log = logging.getLogger("filter_engine.test.place")
    for number in range(Kept.notes + 5):
        log.error("fault\n%d", number)
    log.warning("no error")
    found = noted(board)
    assert len(found) == Kept.notes
    assert (found[0]["message"], found[0]["module"]) == (f"fault {Kept.notes + 4}", "place")
    assert (found[0]["type"], found[0]["pid"]) == ("normal", os.getpid())
    note_errors(board, 0, "normal")  # its successor
    assert sum(isinstance(handler, ErrorNotes) for handler in root.handlers) == 1
    log.error("later")
    assert [note["message"] for note in noted(board)][:2] == ["later", f"fault {Kept.notes + 4}"]


def test_an_error_is_bounded_and_may_be_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kept, "notes", 40)
    board = Board(1)
    notes = ErrorNotes(board, 0, "proxy")

    def error(text: str) -> None:  # not through a logger: pytest reports what it hears, in UTF-8
        notes.handle(logging.LogRecord("x", logging.ERROR, "", 0, text, None, None))

    for _ in range(40):
        error("\udcff" + "\N{SNOWMAN}" * 10_000)
    error("the last")
    found = noted(board)
    assert found[0]["message"] == "the last"
    assert 10 < len(found) < 40  # as many as fit
    assert all(len(note["message"].encode()) <= Kept.length for note in found)


def test_of_errors_of_one_moment_the_last_is_the_newest() -> None:
    board = Board(1)
    notes = ErrorNotes(board, 0, "normal")
    for text in ("first", "second"):
        record = logging.LogRecord("x", logging.ERROR, "", 0, text, None, None)
        record.created = 1.0
        notes.handle(record)
    assert [note["message"] for note in noted(board)] == ["second", "first"]


def symbol(name: str) -> SymbolResult:
    return SymbolResult(name, 1.0, 1.0)


def test_hits_of_all_processes_are_added_up() -> None:
    hits = SymbolHits(("A", "B"), 4, {"A": 5, "GONE": 7})
    hits.row(0).add([symbol("A"), symbol("B")])
    hits.row(3).add([symbol("A"), symbol("UNKNOWN")])
    assert hits.totals() == {"A": 7, "B": 1}
    assert SymbolHits((), 2).totals() == {}


def verdict(seconds: float, action: Action = Action.NO_ACTION) -> Verdict:
    return Verdict(action, 0.0, 15.0, time_real=seconds)


def test_scan_times_are_sorted_into_buckets() -> None:
    statistics = Statistics()
    row = statistics.row(0)
    for seconds in (0.001, 0.01, 0.02, 4.0, 60.0):
        row.record(verdict(seconds), 10)
    totals = statistics.totals()
    assert [totals[column] for _, column in WITHIN] == [2, 1, 0, 0, 0, 1]
    assert totals[Counter.BEYOND_5S] == 1
    assert totals[Counter.SCAN_TIME] == pytest.approx(64_031_000, abs=5)


def test_a_series_has_what_was_scanned_and_outlives_a_restart(tmp_path: Path) -> None:
    statistics, file = Statistics(), tmp_path / FILE
    throughput = Throughput(statistics, file)
    step, now = STEPS["day"], 1_800_000_000.0
    throughput.sample(now)
    for _ in range(step):
        statistics.row(0).record(verdict(0.01, Action.REJECT), 10)
    now += step
    series = throughput.series("day", now)
    assert len(series) == 6
    assert len(series[0]) == VALUES
    assert series[0][-1]["y"] == 1.0
    assert series[0][-2]["y"] == 0.0
    assert series[0][-3]["y"] is None
    throughput._save(throughput._said())
    again = Throughput(statistics, file).series("day", now)
    assert again == series
    statistics.reset()
    assert throughput.series("day", now + step)[0][-1]["y"] == 0.0


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"slots": {"day": [[1, [2]]]}}', b"[1]", b"\xff"]
)
def test_a_file_of_series_that_is_broken_is_left_out(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / FILE
    file.write_bytes(content)
    assert len(Throughput(Statistics(), file).series("week", 1e9)[0]) == VALUES


def test_the_record_of_changes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LARGEST", 500)
    record = Changes(str(tmp_path))
    for number in range(10):
        with record.turn():
            assert record.note("me", "actions", "x", {}, {"n": number}) == number + 1
    assert (tmp_path / "dynamic_changes.jsonl").stat().st_size < 1000
    assert record.entry(10) is not None
    assert record.entries(1)[0]["after"] == {"n": 9}
    with pytest.raises(DynamicError, match="cannot write"), Changes("/nonexistent").turn():
        pass
