"""What a map says to do: ``SYMBOL:score:options``, ``SYMBOL``, ``score`` or nothing."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final, NamedTuple

_SCORE: Final = re.compile(r"[+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+)\Z")
_SYMBOL: Final = re.compile(
    r"(?P<symbol>[A-Za-z0-9_][A-Za-z0-9_]*)"
    r"(?::(?P<score>[+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+)))?"
    r"(?::(?P<options>.*))?\Z"
)


class Told(NamedTuple):
    """A map's value, read."""

    symbol: str = ""
    """Empty: the rule's own."""
    weight: float = 1.0
    options: tuple[str, ...] = ()


def read_value(value: str) -> Told:
    """The meaning of a value; any other text than the above means nothing."""
    text = value.strip()
    if not text:
        return Told()
    if _SCORE.match(text):
        return Told("", _number(text))
    found = _SYMBOL.match(text)
    if found is None:
        return Told()
    score = found["score"]
    options = tuple(filter(None, map(str.strip, (found["options"] or "").split(","))))
    return Told(found["symbol"], 1.0 if score is None else _number(score), options)


def _number(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else 0.0
