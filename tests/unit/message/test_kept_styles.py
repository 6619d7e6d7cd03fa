"""Styles of strangers are kept for the next message only while they are short."""

from __future__ import annotations

from filter_engine.message import css
from filter_engine.message.css import WHITE, parse_colour, parse_declarations


def test_long_declarations_are_read_and_not_kept() -> None:
    css._kept_style.cache_clear()
    for number in range(3):
        style = parse_declarations(f"color: white; x: {number}{'a' * 600}")
        assert style.colour == WHITE
    assert css._kept_style.cache_info().currsize == 0
    assert parse_declarations("color: white").colour == WHITE
    assert css._kept_style.cache_info().currsize == 1


def test_what_follows_a_colour_is_not_kept() -> None:
    css._colour.cache_clear()
    for number in range(3):
        assert parse_colour(f"rgb(255,255,255){' ' * 200}{number}") == WHITE
    assert parse_colour(" " * 5000 + "White") == WHITE
    assert css._colour.cache_info().currsize == 2
