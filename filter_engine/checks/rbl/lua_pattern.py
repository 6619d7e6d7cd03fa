"""Lua patterns as regular expressions, as far as codes of lists use them.

Source: Lua 5.1 reference manual, section 5.4.1. Captures, ``%b`` and ``%f`` are refused.
"""

from __future__ import annotations

import re
from typing import Final

_CLASSES: Final = {
    "a": "A-Za-z",
    "c": r"\x00-\x1f\x7f",
    "d": "0-9",
    "l": "a-z",
    "p": r"!-/:-@\[-`{-~",
    "s": r" \t\n\v\f\r",
    "u": "A-Z",
    "w": "A-Za-z0-9",
    "x": "A-Fa-f0-9",
}
_REPEATS: Final = {"*": "*", "+": "+", "-": "*?", "?": "?"}
_MAX_LENGTH: Final = 256


def compile_lua_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern that has to fit the whole text. Raises ValueError for one that cannot be read."""
    if len(pattern) > _MAX_LENGTH:
        raise ValueError(f"a pattern of more than {_MAX_LENGTH} characters")
    text = pattern.removeprefix("^")
    if text.endswith("$") and not text.endswith("%$"):
        text = text[:-1]
    found: list[str] = []
    place = 0
    while place < len(text):
        piece, place = _one(text, place)
        if place < len(text) and text[place] in _REPEATS:
            piece += _REPEATS[text[place]]
            place += 1
        found.append(piece)
    return re.compile("".join(found), re.DOTALL)


def _one(text: str, place: int) -> tuple[str, int]:
    """The single-character item at a place, and where the next begins."""
    char = text[place]
    if char == "%":
        return f"[{_escaped(text, place)}]", place + 2
    if char == "[":
        return _set(text, place)
    if char in "()":
        raise ValueError(f"{text!r}: captures have no use here")
    return ("." if char == "." else re.escape(char)), place + 1


def _escaped(text: str, place: int) -> str:
    """What ``%x`` stands for, as the inside of a set."""
    if place + 1 >= len(text):
        raise ValueError(f"{text!r} ends with %")
    char = text[place + 1]
    if char in _CLASSES:
        return _CLASSES[char]
    if char.lower() in _CLASSES:
        inside = _CLASSES[char.lower()]
        return "".join(re.escape(c) for c in map(chr, range(256)) if not re.match(f"[{inside}]", c))
    if char.isalnum():
        raise ValueError(f"{text!r}: %{char} is not understood")
    return re.escape(char)


def _set(text: str, place: int) -> tuple[str, int]:
    place += 1
    opening = "["
    if text[place : place + 1] == "^":
        opening, place = "[^", place + 1
    inside: list[str] = []
    while place < len(text) and (text[place] != "]" or not inside):
        if text[place] == "%":
            inside.append(_escaped(text, place))
            place += 2
        elif text[place + 1 : place + 2] == "-" and text[place + 2 : place + 3] not in ("", "]"):
            first, last = text[place], text[place + 2]
            if first > last:
                raise ValueError(f"{text!r}: {first}-{last} is no range")
            inside.append(f"{re.escape(first)}-{re.escape(last)}")
            place += 3
        else:
            inside.append(re.escape(text[place]))
            place += 1
    if place >= len(text):
        raise ValueError(f"{text!r}: a set without ]")
    return f"{opening}{''.join(inside)}]", place + 1
