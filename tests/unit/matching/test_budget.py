"""What patterns may take of a message's time, counted in CPU seconds of this thread."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from filter_engine.matching import PatternSet, begin_message, parse_slashed
from filter_engine.matching.budget import _BUDGET, MESSAGE_LIMIT, TIME_LIMIT, spend, time_left


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """What a test spends is no other test's loss."""
    token = _BUDGET.set(None)
    yield
    _BUDGET.reset(token)


SLOW = "/(?:a|aa|a.)+b(?=z)$/"


def test_a_message_has_one_budget_for_all_its_texts() -> None:
    patterns = PatternSet.compile([parse_slashed(SLOW)], name="test")
    texts = [b"x%d" % number + b"a" * 60 + b"b" for number in range(100)]
    begin_message()
    began = time.thread_time()
    assert not any(patterns.matches(text) for text in texts)
    took = time.thread_time() - began
    assert time_left() == 0.0
    # one search that had begun may end after the budget
    assert took < (MESSAGE_LIMIT + TIME_LIMIT) * 4
    assert patterns.search(0, b"aabz") is None
    assert patterns.count(0, b"aabz", 5) == 0


def test_the_next_message_starts_anew() -> None:
    begin_message()
    spend(MESSAGE_LIMIT)
    assert time_left() == 0.0
    begin_message()
    assert time_left() == TIME_LIMIT
    patterns = PatternSet.compile([parse_slashed("/(?<!c)ab/")], name="test")
    assert patterns.matches(b"ab") == [0]


@pytest.mark.parametrize("spent", [0.0, MESSAGE_LIMIT - TIME_LIMIT / 2])
def test_a_search_gets_what_is_left(spent: float) -> None:
    begin_message()
    spend(spent)
    assert time_left() == pytest.approx(min(TIME_LIMIT, MESSAGE_LIMIT - spent))
