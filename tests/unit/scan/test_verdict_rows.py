"""The symbols' data that replies and history share are those of the message at hand."""

from __future__ import annotations

from filter_engine.scan.verdict import SymbolResult
from filter_engine.scan.verdict_rows import verdict_rows


def test_rows_hold_what_is_there_and_nothing_else() -> None:
    one = SymbolResult("A", 1.5, 0.5, "seen", "group", ("x", "y"), ("evidence",))
    assert verdict_rows((one, SymbolResult("B", 0.0, 0.0))) == {
        "A": {
            "name": "A",
            "score": 1.5,
            "metric_score": 0.5,
            "description": "seen",
            "options": ("x", "y"),
        },
        "B": {"name": "B", "score": 0.0, "metric_score": 0.0},
    }


def test_rows_are_made_once_for_a_message_and_anew_for_the_next() -> None:
    first = (SymbolResult("A", 1.0, 1.0),)
    second = (SymbolResult("A", 2.0, 1.0),)
    rows = verdict_rows(first)
    assert verdict_rows(first) is rows
    assert verdict_rows(second)["A"]["score"] == 2.0
    assert verdict_rows(first) == rows
    assert verdict_rows(()) == {}
