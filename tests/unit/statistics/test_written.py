"""Where decay begins in a long text: the same by octets as word by word."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message.words import find_words, split_words, with_blanks
from filter_engine.statistics.written import LONG, Start, start_of

_TEXT = st.text(st.sampled_from("abZ09_@'.,;$- \n\t\x01"), max_size=60)
_CUTS = st.lists(st.integers(0, 60), max_size=6)


def _word_by_word(text: str, spans: Sequence[range], words: int) -> Start:
    """As it was done before: every word is a match, every link an empty one."""
    text = with_blanks(text)
    found: list[tuple[str, int]] = []
    end = 0
    for span in (*spans, None):
        stop = len(text) if span is None else span.start
        found += ((word.group(), word.end()) for word in find_words(text, end, stop))
        if span is not None:
            found.append(("", span.stop))
            end = span.stop
    long = []
    place = number = 0
    for number, (word, at) in enumerate(found):
        if len(word) >= LONG:
            long.append(word.encode())
        place = at
        if number > words and word:
            break
    return Start(number, place, long)


def _spans(cuts: Sequence[int], size: int) -> tuple[range, ...]:
    places = sorted({cut for cut in cuts if cut <= size})
    return tuple(range(a, b) for a, b in zip(places[::2], places[1::2], strict=False))


@given(_TEXT, _CUTS, st.integers(0, 9))
def test_octets_make_what_a_search_for_each_word_makes(
    text: str, cuts: list[int], words: int
) -> None:
    spans = _spans(cuts, len(text))
    assert start_of(text, spans, words) == _word_by_word(text, spans, words)


def test_signs_between_words() -> None:
    text = "don't pay $20.50 - @nobody's me@x1 it's all,of,it 1,000 abcdefgh'ijk"
    assert start_of(text, (), 2) == Start(3, text.index("20.50") + 5, [])
    last = start_of(text, (), 10)
    assert last == Start(11, len(text), [b"abcdefgh'ijk"])
    assert last.number + 1 == len(split_words(text)), "both count the same words"


def test_a_link_is_a_word_where_decay_does_not_begin() -> None:
    text = "one two http://a.example/ three four"
    span = range(8, 25)
    assert start_of(text, (span,), 1) == Start(3, text.index("three") + 5, [])
