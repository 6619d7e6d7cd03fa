"""What a bare word or a quoted string means: numbers with suffixes, booleans, escapes.

Source: libucl's README (sections "Automatic arrays creation" to "Numbers"). Deliberate difference:
a suffixed number may be followed by blanks before the separator (``10s ;``), where libucl falls
back to a string.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

#: A number with its optional suffix; it must be all of the text.
NUMBER = re.compile(
    r"(?P<sign>-?)(?:0[xX](?P<hex>[0-9a-fA-F]{1,32})"
    r"|(?P<digits>[0-9]{1,64})(?P<rest>(?:\.[0-9]{0,64})?(?:[eE][+-]?[0-9]{1,8})?))"
    r"(?P<suffix>[kmg][bs]?|min|[shdwy])?",
    re.IGNORECASE,
)

_THOUSANDS = {"k": 1000, "m": 1000**2, "g": 1000**3}
_BYTES = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SECONDS = {
    "ms": 0.001,
    "ks": 1e3,
    "gs": 1e9,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31536000.0,
}
_WORDS: dict[str, bool] = {
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_INT64 = 1 << 63


class Bare(NamedTuple):
    """A bare word's value; ``plain`` when it is nothing but a string."""

    value: str | int | float | bool | None
    plain: bool


def read_bare(text: str) -> Bare:
    """The value of an unquoted word. Raises ``OverflowError`` for numbers beyond 64 bits."""
    if text[0].isdigit() or text[0] == "-":
        match = NUMBER.fullmatch(text)
        if match is not None:
            return Bare(_number(match), False)
    if text in _FLOATS:
        return Bare(_FLOATS[text], False)
    if text == "null":
        return Bare(None, False)
    if len(text) <= 5:
        word = _WORDS.get(text.lower())
        if word is not None:
            return Bare(word, False)
    return Bare(text, True)


def _number(match: re.Match[str]) -> int | float:
    suffix = (match["suffix"] or "").lower()
    whole: int | None = None
    if match["hex"] is not None:
        whole = int(match["hex"], 16)
    elif not match["rest"]:
        whole = int(match["digits"])
    if whole is None:
        fraction = float(match["digits"] + match["rest"])
        if math.isinf(fraction):
            raise OverflowError
    if match["sign"]:
        if whole is not None:
            whole = -whole
        else:
            fraction = -fraction
    if suffix in _SECONDS:
        seconds = float(whole) if whole is not None else fraction
        # 10ms is 10 / 1000, not 10 * 0.001: one rounding, not two.
        return seconds / 1000.0 if suffix == "ms" else seconds * _SECONDS[suffix]
    if suffix in _BYTES:
        size = _BYTES[suffix]
        whole = whole * size if whole is not None else int(fraction * size)
    elif suffix:
        if whole is None:
            return fraction * _THOUSANDS[suffix]
        whole *= _THOUSANDS[suffix]
    elif whole is None:
        return fraction
    if not -_INT64 <= whole < _INT64:
        raise OverflowError
    return whole


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "b": "\b", "t": "\t", "f": "\f"}
_SURROGATE = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")


def unescape(text: str) -> str:
    r"""Resolve the escapes of a quoted or bare string; ``\x`` of an unknown x is x."""
    if "\\" not in text:
        return text
    if "\\u" not in text:
        return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text)
    pieces: list[str] = []
    last = 0
    units: list[str] = []  # neighbouring \uXXXX: two may make one character
    for match in _ESCAPE.finditer(text):
        if match.start() > last or len(match[1]) == 1:
            pieces.append(_join_units(units))
            pieces.append(text[last : match.start()])
        if len(match[1]) > 1:
            units.append(chr(int(match[1][1:], 16)))
        else:
            pieces.append(_ESCAPES.get(match[1], match[1]))
        last = match.end()
    pieces.append(_join_units(units))
    pieces.append(text[last:])
    return "".join(pieces)


def _join_units(units: list[str]) -> str:
    """UTF-16 code units as text: pairs joined, lone surrogates replaced by U+FFFD."""
    text = "".join(units)
    units.clear()
    return _SURROGATE.sub(_join_pair, text)


def _join_pair(match: re.Match[str]) -> str:
    unit = match[0]
    if len(unit) == 1:
        return "\ufffd"
    return chr(0x10000 + ((ord(unit[0]) - 0xD800) << 10) + ord(unit[1]) - 0xDC00)


_PAIR = re.compile(r"\\(\r\n|.)", re.DOTALL)


def unescape_single(text: str) -> str:
    r"""Resolve the two escapes of a single-quoted string: ``\'`` and a backslash before newline.

    Every other backslash pair stays as written, so ``\\'`` is two backslashes and a quote's end.
    """
    if "\\" not in text:
        return text
    return _PAIR.sub(_single_pair, text)


def _single_pair(match: re.Match[str]) -> str:
    if match[1] == "'":
        return "'"
    return "" if match[1] in ("\n", "\r", "\r\n") else match[0]
