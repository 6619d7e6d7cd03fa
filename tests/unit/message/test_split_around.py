"""A text is split once: its words without links, and where these would stand among them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message import Message
from filter_engine.message.words import MAX_WORDS, split_around, split_words

_TEXT = st.text(st.sampled_from("abZ09_@'.,;$- \n\u2019\xe9\u20ac\u56db"), max_size=40)
_WORD = "zqlinkqz"


@given(st.lists(_TEXT, min_size=1, max_size=6))
def test_places_are_those_of_a_word_for_each_link(pieces: list[str]) -> None:
    text, links = pieces[0], []
    for piece in pieces[1:]:
        links.append(range(len(text), len(text) + 9))
        text += "http://x/" + piece
    words, places = split_around(text, links)
    assert words == split_words(text, links)
    assert places is not None
    for place in places:
        words.insert(place, _WORD)
    assert words == split_words(f" {_WORD} ".join(pieces))


def test_where_places_are_not_known() -> None:
    """A text that has the sign which stands for a link, and one of too many words."""
    assert split_around("a \x01 link b", [range(4, 8)]) == (["a", "b"], None)
    many = "a " * MAX_WORDS
    assert split_around(f"link {many}", [range(4)]) == (["a"] * MAX_WORDS, None)
    assert split_around(many, []) == (["a"] * MAX_WORDS, [])


def test_a_message_is_asked_for_them() -> None:
    body = b"see http://a.example.com/x and me@example.com now http://b.nosuch/"
    message = Message(b"Content-Type: text/plain\n\n" + body)
    (part,) = message.text_parts
    assert message.words_of(part) == ["see", "and", "now"]
    assert message.link_places(part) == [1, 3, 5]
    assert message.link_sites(part) == {4: "example.com", 50: ""}
