"""Which rules a text's words are stemmed by."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.statistics.language import ENGLISH, language_of
from filter_engine.statistics.stop_words import by_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the quick brown fox and his friends are going home", "en"),
        ("der Hund und die Katze sind nicht mehr hier, aber wir haben noch einen Vogel", "de"),
        ("les enfants sont dans la maison avec leurs parents et nous ne savons pas quand", "fr"),
        ("привет как дела сегодня вечером", "ru"),
        ("こんにちは 世界 です", "ja"),
        ("你好 世界", "zh-CN"),
        ("", "en"),
        ("12 34 56", "en"),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert language_of(text.lower().replace(",", "").split()) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("aber bist dein eine", "en"),
        ("aber bist dein eine kann", "de"),
        ("aber bist dein eine kann about", "en"),
        ("aber bist dein eine kann nicht about", "de"),
        ("aber bist dein eine kann nicht about against", "en"),
        ("aber bist dein eine kann nicht oder about against", "de"),
        ("aber bist dein eine algo ante contra", "en"),
    ],
)
def test_more_than_four_stop_words_beyond_the_english_ones(text: str, code: str) -> None:
    assert language_of(text.split()) == code


def test_no_stop_word_of_english_is_one_of_another_language() -> None:
    """So words of English are counted as one set."""
    stops = by_language()
    for code in stops.keys() - {ENGLISH}:
        assert stops[ENGLISH].isdisjoint(stops[code]), code


def ascii_stops(*codes: str) -> st.SearchStrategy[str]:
    words = [word for code in codes for word in sorted(by_language()[code]) if word.isascii()]
    return st.sampled_from(words)


# Of Turkish, fewer words do where not all is ASCII.
FOREIGN = ("cs", "da", "de", "es", "fi", "fr", "hu", "id", "it", "nl", "no", "pt", "ro", "sv")


@given(
    of_one=st.sampled_from(FOREIGN).flatmap(lambda one: st.lists(ascii_stops(one), max_size=9)),
    of_any=st.lists(ascii_stops(*FOREIGN), max_size=2),
    english=st.lists(ascii_stops(ENGLISH), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_the_quick_way_says_what_the_slow_one_says(
    of_one: list[str], of_any: list[str], english: list[str], order: Random
) -> None:
    """A dash changes no count; with it, a text is not ASCII, and all languages are compared."""
    words = [*of_one, *of_any, *english]
    order.shuffle(words)
    assert language_of(words) == language_of([*words, "\u2014"])
