"""Counts become a probability, as in Rspamd."""

from __future__ import annotations

from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.statistics.bayes import Counts, Judgement, Limits, _inverse_chi_square, judge

FREE = Limits(min_learns=1, min_tokens=0, min_token_hits=1, min_prob_strength=0.0)


TEXT = b"\x01\x02\x03\x04"
"""Kinds of tokens of text."""
META = b"\x05\x06\x07\x08"


def counts(*known: tuple[int, int, int, int], spam: int = 10, ham: int = 10) -> Counts:
    """Of kind, times in spam, times in ham, and how many tokens are so."""
    return Counts(spam, ham, known)


def test_spam_words_make_spam_and_ham_words_ham() -> None:
    spam = judge(counts((1, 9, 0, 20)), 20, 20, FREE)
    ham = judge(counts((1, 0, 9, 20)), 20, 20, FREE)
    assert spam.spam is True
    assert ham.spam is False
    assert spam.probability is not None
    assert ham.probability is not None
    assert isclose(spam.probability, 1.0 - ham.probability, abs_tol=1e-9)
    assert spam.weight > 0.99


def test_even_counts_say_nothing() -> None:
    even = judge(counts((1, 5, 5, 20)), 20, 20, FREE)
    assert even.probability is not None
    assert isclose(even.probability, 0.5)
    assert even.spam is None


def test_one_token_by_hand() -> None:
    """Three of ten in spam, one of ten in ham, two words apart."""
    said = judge(counts((2, 3, 1, 1)), 1, 1, FREE)
    weight = 256 * 4 / (1 + 256 * 4)
    spam = (weight * 0.5 + 4 * 0.75) / (weight + 4)
    assert said.probability is not None
    assert isclose(said.probability, (1 - (1 - spam) + 1 - (1 - spam)) / 2)


@pytest.mark.parametrize(
    ("found", "limits", "text", "why"),
    [
        (counts(spam=5, ham=300), Limits(), 5, "5 spam and 300 ham learnt, 200 of each are needed"),
        (counts(spam=0, ham=3), FREE, 5, "0 spam and 3 ham learnt, 1 of each are needed"),
        (counts((1, 5, 0, 1), spam=5, ham=5), FREE, 0, "no tokens of text"),
        (counts(spam=5, ham=5), FREE, 5, "no token is known"),
        (
            counts((1, 1, 0, 1), spam=5, ham=5),
            FREE._replace(min_token_hits=2),
            5,
            "no token is known",
        ),
        (
            counts((5, 5, 0, 1), spam=5, ham=5),
            FREE._replace(min_tokens=11),
            3,
            "only 0 tokens of text are known",
        ),
    ],
)
def test_when_nothing_is_said(found: Counts, limits: Limits, text: int, why: str) -> None:
    said = judge(found, 5, text, limits)
    assert said.probability is None
    assert (said.why, said.weight, said.spam) == (why, 0.0, None)


def test_a_tenth_of_min_tokens_known_of_the_text_is_enough() -> None:
    limits = FREE._replace(min_tokens=20)
    assert judge(counts((1, 9, 0, 1)), 20, 20, limits).why == "only 1 tokens of text are known"
    assert judge(counts((1, 9, 0, 2)), 20, 20, limits).spam is True


def test_meta_words_count_only_beside_more_text() -> None:
    found = counts((1, 9, 0, 1), (5, 0, 9, 2))
    assert judge(found, 10, 6, FREE).used == 3
    assert judge(found, 10, 5, FREE).used == 1


def test_meta_words_weigh_by_their_distance() -> None:
    """The same counts, near and far apart, in text and beside it."""
    for text, meta in zip(TEXT, META, strict=True):
        said = {judge(counts((kind, 3, 1, 2)), 10, 6, FREE).probability for kind in (text, meta)}
        assert len(said) == 1
    near, far = (judge(counts((kind, 3, 1, 1)), 1, 1, FREE).probability for kind in (1, 4))
    assert near != far


def test_tokens_with_the_same_counts_are_as_many_single_ones() -> None:
    once = counts(*[(2, 3, 1, 1)] * 7, (3, 0, 2, 1))
    many = counts((2, 3, 1, 7), (3, 0, 2, 1))
    one, other = judge(once, 8, 8, FREE), judge(many, 8, 8, FREE)
    assert one.used == other.used == 8
    assert one.probability is not None
    assert other.probability is not None
    assert isclose(one.probability, other.probability, rel_tol=1e-12)


def test_a_kind_that_there_is_not() -> None:
    """A store may answer anything."""
    with pytest.raises(ValueError, match="kind 0"):
        judge(counts((0, 3, 1, 1)), 10, 6, FREE)
    assert judge(counts((2**32 - 1, 3, 1, 1)), 10, 6, FREE).used == 0


def test_tokens_near_one_half_are_passed_over() -> None:
    near = counts((1, 11, 10, 1))
    assert judge(near, 1, 1, FREE._replace(min_prob_strength=0.05)).used == 0
    assert judge(near, 1, 1, FREE).used == 1


def test_certainty_as_shown() -> None:
    said = Judgement(0.9, 5)
    assert isclose(said.certainty, 0.8)
    assert isclose(said.weight, 0.8**8)
    assert Judgement(0.54).spam is None
    assert Judgement(0.1).spam is False


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 400)
        ),
        max_size=100,
    ),
    st.integers(1, 10**7),
    st.integers(1, 10**7),
)
def test_any_counts_give_a_probability(
    known: list[tuple[int, int, int, int]], spam: int, ham: int
) -> None:
    tokens = sum(many for *_, many in known)
    said = judge(counts(*known, spam=spam, ham=ham), tokens, tokens, FREE)
    assert said.probability is None or 0.0 <= said.probability <= 1.0
    assert 0.0 <= said.weight <= 1.0


@given(st.floats(0.01, 290.0), st.integers(1, 5000))
def test_the_sum_is_cut_where_nothing_is_left(half: float, degrees: int) -> None:
    """Against the plain sum of Poisson's terms."""
    term = whole = exp(-half)
    for i in range(1, degrees):
        term *= half / i
        whole += term
    assert isclose(_inverse_chi_square(-half, degrees), min(1.0, whole), abs_tol=1e-10)
