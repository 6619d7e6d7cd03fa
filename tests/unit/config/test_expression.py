"""Expressions of composites: options in brackets, and how long a hostile one takes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


_EXPRESSIONS = st.recursive(
    st.sampled_from(["A", "B", "C", "D", "0", "1", "2"]),
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from("&|+-*/<>"), inner),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(text=_EXPRESSIONS, present=st.sets(st.sampled_from("ABCD")))
def test_what_it_needs_is_there_where_it_is_true(text: str, present: set[str]) -> None:
    expression = parse_expression(text)
    if expression.value(lambda atom: 1.5 if atom.name in present else 0.0) > 0:
        assert all(any(atom.name in present for atom in one) for one in expression.needs)


def test_what_it_needs() -> None:
    needs = parse_expression("A & (B | C) & !D & (E | !F)").needs
    assert [sorted(atom.name for atom in one) for one in needs] == [["A"], ["B", "C"]]
