"""Words of texts."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message import Message
from filter_engine.message.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't KNOW, it's 2.5.29!", ["i", "dont", "know", "its", "2529"]),
        ("e.g. a-b _x_ 14:23", ["e", "g", "a", "b", "_x_", "14", "23"]),
        ("costs $5 or \u20ac6", ["costs", "$", "5", "or", "\u20ac", "6"]),
        ("\uff2c\uff41tin \ufb01ne", ["latin", "fine"]),
        ("", []),
    ],
)
def test_split(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@given(st.text("aZ_19'.,;$ -\x1f\n", max_size=48))
def test_ascii_is_split_like_any_text(text: str) -> None:
    # With a letter of another script, in a word of its own, it goes the general way.
    assert split_words(text) == split_words(f"\u0431 {text}")[1:]


LATIN = "".join(map(chr, range(256)))
WESTERN = LATIN + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")


@given(
    st.text(st.sampled_from(WESTERN) | st.sampled_from("a\xe91'\u2019.,@"), max_size=24)
    | st.text(st.sampled_from(LATIN) | st.sampled_from("a\xe91'.,@"), max_size=24)
)
def test_western_text_is_split_like_any(text: str) -> None:
    assert split_words(text) == split_words(f"\u0431 {text}")[1:]


@pytest.mark.parametrize("sign", WESTERN)
def test_each_western_sign(sign: str) -> None:
    for text in (sign, f"a{sign}b", f"1{sign}2", f"a{sign}'b\u2019{sign}c"):
        assert split_words(text) == split_words(f"\u0431 {text}")[1:]


@pytest.mark.parametrize("letter", ["", "\u0431 "])
def test_the_mark_of_a_link_is_a_blank_where_a_stranger_wrote_it(letter: str) -> None:
    assert split_words(f"{letter}a\x01b\x01\x01 c")[-3:] == ["a", "b", "c"]
    text = letter + "\x01" * 2**18
    tracemalloc.start()
    try:
        split_words(text)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(text), "as many pieces as marks"
    finally:
        tracemalloc.stop()


def test_urls_and_addresses_are_no_words() -> None:
    message = Message(
        b"Subject: to me@a.com\nFrom: J D <j@b.com>\n\nsee http://a.com/x or me@b.com now\n"
    )
    assert message.words_of(message.parts[0]) == ["see", "or", "now"]
    assert message.header_words == ["to", "mea", "com", "j", "d"]
