"""Expressions of composites: options in brackets, and how long a hostile one takes."""

from __future__ import annotations

import time

import pytest

from filter_engine.config.expression import MAX_LENGTH, ExpressionError, parse_expression


def test_options_in_brackets() -> None:
    (atom, _) = parse_expression("A[ b , /c d/i ,e f ] & B").atoms
    text, pattern, words = atom.options
    assert (text, words) == ("b", "e f")
    assert not isinstance(pattern, str)
    assert pattern.search("xC Dx")


@pytest.mark.parametrize(
    "inner", [" ", "a ", "/", "\\/", ",", "/a\\", "[", "x ,", "/a/i "], ids=repr
)
@pytest.mark.parametrize("blanks", ["", " " * 4000])
def test_an_open_bracket_is_refused_at_once(inner: str, blanks: str) -> None:
    text = (f"A[{blanks}" + inner * MAX_LENGTH)[:MAX_LENGTH]
    started = time.process_time()
    with pytest.raises(ExpressionError, match=r"brackets|pattern"):
        parse_expression(text)
    assert time.process_time() - started < 1.0
