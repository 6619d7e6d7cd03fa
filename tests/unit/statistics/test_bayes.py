"""Counts become a probability, as in Rspamd."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.statistics.bayes import Counts, Judgement, Limits, judge

FREE = Limits(min_learns=1, min_tokens=0, min_token_hits=1, min_prob_strength=0.0)


def counts(*found: tuple[int, int, int], spam: int = 10, ham: int = 10) -> Counts:
    return columns(spam, ham, found)


def columns(spam: int, ham: int, found: Sequence[tuple[int, int, int]]) -> Counts:
    places, s, h = zip(*found, strict=True) if found else ((), (), ())
    return Counts(spam, ham, places, s, h)


def test_spam_words_make_spam_and_ham_words_ham() -> None:
    spam = judge(counts(*((at, 9, 0) for at in range(20))), b"\x01" * 20, 20, FREE)
    ham = judge(counts(*((at, 0, 9) for at in range(20))), b"\x01" * 20, 20, FREE)
    assert spam.spam is True
    assert ham.spam is False
    assert spam.probability is not None
    assert ham.probability is not None
    assert isclose(spam.probability, 1.0 - ham.probability, abs_tol=1e-9)
    assert spam.weight > 0.99


def test_even_counts_say_nothing() -> None:
    even = judge(counts(*((at, 5, 5) for at in range(20))), b"\x01" * 20, 20, FREE)
    assert even.probability is not None
    assert isclose(even.probability, 0.5)
    assert even.spam is None


def test_one_token_by_hand() -> None:
    """Three of ten in spam, one of ten in ham, two words apart."""
    said = judge(counts((0, 3, 1)), b"\x02", 1, FREE)
    weight = 256 * 4 / (1 + 256 * 4)
    spam = (weight * 0.5 + 4 * 0.75) / (weight + 4)
    assert said.probability is not None
    assert isclose(said.probability, (1 - (1 - spam) + 1 - (1 - spam)) / 2)


@pytest.mark.parametrize(
    ("found", "limits", "text", "why"),
    [
        (columns(5, 300, ()), Limits(), 5, "5 spam and 300 ham learnt, 200 of each are needed"),
        (columns(0, 3, ()), FREE, 5, "0 spam and 3 ham learnt, 1 of each are needed"),
        (columns(5, 5, ((0, 5, 0),)), FREE, 0, "no tokens of text"),
        (columns(5, 5, ()), FREE, 5, "no token is known"),
        (columns(5, 5, ((0, 1, 0),)), FREE._replace(min_token_hits=2), 5, "no token is known"),
        (
            columns(5, 5, ((4, 5, 0),)),
            FREE._replace(min_tokens=11),
            3,
            "only 0 tokens of text are known",
        ),
    ],
)
def test_when_nothing_is_said(found: Counts, limits: Limits, text: int, why: str) -> None:
    said = judge(found, b"\x01" * 5, text, limits)
    assert said.probability is None
    assert (said.why, said.weight, said.spam) == (why, 0.0, None)


def test_meta_words_count_only_beside_more_text() -> None:
    found = counts((0, 9, 0), (9, 0, 9))
    assert judge(found, b"\x01" * 10, 6, FREE).used == 2
    assert judge(found, b"\x01" * 10, 5, FREE).used == 1


def test_tokens_near_one_half_are_passed_over() -> None:
    near = counts((0, 11, 10))
    assert judge(near, b"\x01", 1, FREE._replace(min_prob_strength=0.05)).used == 0
    assert judge(near, b"\x01", 1, FREE).used == 1


def test_certainty_as_shown() -> None:
    said = Judgement(0.9, 5)
    assert isclose(said.certainty, 0.8)
    assert isclose(said.weight, 0.8**8)
    assert Judgement(0.54).spam is None
    assert Judgement(0.1).spam is False


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=300),
    st.integers(1, 10**7),
    st.integers(1, 10**7),
)
def test_any_counts_give_a_probability(pairs: list[tuple[int, int]], spam: int, ham: int) -> None:
    found = tuple((at, s, h) for at, (s, h) in enumerate(pairs))
    distances = bytes(random.Random(1).choice((1, 2, 3, 4)) for _ in pairs)
    said = judge(columns(spam, ham, found), distances, len(pairs), FREE)
    assert said.probability is None or 0.0 <= said.probability <= 1.0
    assert 0.0 <= said.weight <= 1.0
