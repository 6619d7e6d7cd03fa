"""Headers a site writes down, and folding."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.headers.additions import additions, removals
from filter_engine.headers.fold import WIDTH, fold_width
from filter_engine.scan.verdict import AddHeader, RemoveHeader


def test_every_way_to_write_them() -> None:
    written: dict[str, Any] = {"A": "x", "B": {"value": "y", "order": 3}, "C": ["1", 2]}
    assert additions(written, order=7) == (
        AddHeader("A", "x", 7),
        AddHeader("B", "y", 3),
        AddHeader("C", "1", 7),
        AddHeader("C", "2", 7),
    )
    assert removals({"A": 0, "B": [1, -1]}) == (
        RemoveHeader("A", 0),
        RemoveHeader("B", 1),
        RemoveHeader("B", -1),
    )


@pytest.mark.parametrize(
    "written",
    [{"": "x"}, {"a b": "x"}, {"ü": "x"}, {"A": "x\ny"}, {"A": True}, {"A": "x" * 9000}, {"B": {}}],
)
def test_what_is_no_header(written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"header|text"):
        additions(written)


@pytest.mark.parametrize("written", [{"A": "all"}, {"A": 10**9}, {"A:": 0}, {"A": True}])
def test_what_is_no_number_of_a_header(written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="header"):
        removals(written)


def test_long_texts_are_folded_at_blanks_and_come_back() -> None:
    text = "word " * 60 + "x" * 200
    folded = fold_width("X-Note", text)
    lines = folded.split("\n\t")
    assert len("X-Note: ") + len(lines[0]) <= WIDTH
    assert all(len(line) + 8 <= WIDTH for line in lines[1:-1])
    assert " ".join(lines) == text
