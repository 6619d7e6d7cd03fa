"""The symbols' data that replies and history share are those of the message at hand."""

from __future__ import annotations

from filter_engine.scan.symbol_rows import symbol_rows
from filter_engine.scan.verdict import SymbolResult


def test_rows_hold_what_is_there_and_nothing_else() -> None:
    one = SymbolResult("A", 1.5, 0.5, "seen", "group", ("x", "y"), ("evidence",))
    assert symbol_rows((one, SymbolResult("B", 0.0, 0.0))) == {
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
    rows = symbol_rows(first)
    assert symbol_rows(first) is rows
    assert symbol_rows(second)["A"]["score"] == 2.0
    assert symbol_rows(first) == rows
    assert symbol_rows(()) == {}
