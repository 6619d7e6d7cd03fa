"""PCRE's pattern language as the ``regex`` library reads it.

``regex`` has most of PCRE: possessive quantifiers, atomic groups, named groups, recursion,
conditionals, look-behind of any width, ``\\K``, ``\\R``, ``\\h``. What differs is rewritten here.
Source: pcre2pattern(3); the documentation of ``regex``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final


class PatternError(ValueError):
    """A pattern cannot be used; the text says what is wrong and, where known, at which column."""


_POSIX: Final = re.compile(r"\[:\^?[a-z]+:\]")
_INLINE: Final = re.compile(r"\(\?(?:#|[a-zA-Z^]*-?[a-zA-Z]+\))")
_HEX: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_OCTAL: Final = re.compile(r"\\o\{([0-7]{1,7})\}")
_NAMED: Final = re.compile(r"\(\?'(\w+)'")
_BACK: Final = re.compile(r"\\k(?:'(\w+)'|\{(\w+)\}|<(\w+)>)")
_SIMPLE: Final = {
    "Z": r"(?=\n?\Z)",
    "z": r"\Z",
    "e": r"\x1b",
    "C": r"(?s:.)",
    "E": "",
}
"""Escapes outside a class that mean something else, or nothing, to ``regex``."""
_UNKNOWN: Final = frozenset("ijIJMqTyYFHV_%@\"'`~!,;:<>=&")
"""Letters and signs that PCRE takes as themselves behind a backslash."""
_HORIZONTAL: Final = r" \t\xa0"
_SPACES: Final = r"\n\x0b\f\r\x85"


@lru_cache(maxsize=4096)
def compile_regex(
    text: str,
    *,
    ignore_case: bool,
    dot_all: bool,
    multi_line: bool,
    verbose: bool,
    characters: bool,
    translate: bool,
) -> Any:
    """A compiled pattern of ``regex``, for text when ``characters``, else for octets.

    Raises ``PatternError``.
    """
    import regex  # loaded only where there are rules

    flags = regex.V0 if not translate or not _has_inline(text) else regex.V1
    flags |= regex.IGNORECASE if ignore_case else 0
    flags |= regex.DOTALL if dot_all else 0
    flags |= regex.MULTILINE if multi_line else 0
    flags |= regex.VERBOSE if verbose else 0
    said = translated(text, characters=characters) if translate else text
    try:
        if characters:
            return regex.compile(said, flags)
        return regex.compile(said.encode("utf-8", "surrogateescape"), flags)
    except regex.error as error:
        column = "" if error.pos is None else f" near column {error.pos + 1}"
        raise PatternError(f"{error.msg}{column} of /{_short(text)}/") from None
    except (OverflowError, RecursionError, MemoryError, ValueError) as error:
        raise PatternError(f"{error or type(error).__name__} in /{_short(text)}/") from None


_ASCII: Final = {
    "w": (r"0-9A-Z_a-z", r"\x00-/:-@\[-\^`{-\U0010ffff"),
    "d": (r"0-9", r"\x00-/:-\U0010ffff"),
    "s": (r"\t-\r ", r"\x00-\x08\x0e-\x1f!-\U0010ffff"),
}
"""Classes that are of ASCII, with UTF-8 too: what is inside, what is outside."""
_AT_WORD: Final = r"(?:(?<![\dA-Za-z_])(?=[\dA-Za-z_])|(?<=[\dA-Za-z_])(?![\dA-Za-z_]))".replace(
    r"\d", "0-9"
)


def _ascii_class(letter: str, *, inside: bool) -> str | None:
    """What ``\\w``, ``\\d``, ``\\s``, ``\\b`` and their opposites are in text of characters."""
    if letter.lower() in _ASCII:
        said = _ASCII[letter.lower()][letter.isupper()]
        return said if inside else f"[{said}]"
    if letter in "bB" and not inside:
        return _AT_WORD if letter == "b" else f"(?!{_AT_WORD})"
    return None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _has_inline(text: str) -> bool:
    """Whether options are switched inside the pattern, elsewhere than at its beginning."""
    return any(match.start() > 0 for match in _INLINE.finditer(text))


def translated(text: str, *, characters: bool) -> str:
    """The pattern in the words of ``regex``. Raises ``PatternError`` for what it cannot say."""
    if "\\Q" in text:
        text = _unquoted(text)
    text = _NAMED.sub(r"(?P<\1>", text)
    text = _BACK.sub(lambda m: f"(?P={m[1] or m[2] or m[3]})", text)
    out: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            said, at = _escape(text, at, characters=characters, inside=False)
            out.append(said)
        elif sign == "[":
            said, at = _class(text, at, characters=characters)
            out.append(said)
        elif sign == "(" and text.startswith("(*", at):
            raise PatternError(f"(*...) is not possible, at column {at + 1} of /{_short(text)}/")
        else:
            out.append(sign)
            at += 1
    return "".join(out)


def _unquoted(text: str) -> str:
    """``\\Q...\\E`` with every sign escaped instead."""
    parts = text.split("\\Q")
    out = [parts[0]]
    for part in parts[1:]:
        quoted, _, rest = part.partition("\\E")
        out += [re.escape(quoted), rest]
    return "".join(out)


def _escape(text: str, at: int, *, characters: bool, inside: bool) -> tuple[str, int]:
    """The escape at ``at`` and where the text goes on."""
    if at + 1 >= len(text):
        raise PatternError(f"a lone \\ at the end of /{_short(text)}/")
    letter = text[at + 1]
    for spelled, base in ((_HEX, 16), (_OCTAL, 8)):
        if match := spelled.match(text, at):
            return _char(int(match[1], base), text, characters=characters), match.end()
    if letter == "c" and at + 2 < len(text):
        return f"\\x{ord(text[at + 2].upper()) ^ 64 & 0xFF:02x}", at + 3
    if characters and (said := _ascii_class(letter, inside=inside)) is not None:
        return said, at + 2
    if letter == "h":
        return (_HORIZONTAL if inside else f"[{_HORIZONTAL}]"), at + 2
    if letter == "v":
        return (_SPACES if inside else f"[{_SPACES}]"), at + 2
    if letter == "H" and not inside:
        return f"[^{_HORIZONTAL}]", at + 2
    if letter == "V" and not inside:
        return f"[^{_SPACES}]", at + 2
    if letter == "e":
        return r"\x1b", at + 2
    if not inside and letter in _SIMPLE:
        return _SIMPLE[letter], at + 2
    if letter in _UNKNOWN:
        return re.escape(letter), at + 2
    return text[at : at + 2], at + 2


def _char(code: int, text: str, *, characters: bool) -> str:
    if code > 0x10FFFF or (code > 0xFF and not characters):
        raise PatternError(f"\\x{{{code:x}}} needs the flag u, in /{_short(text)}/")
    return f"\\x{code:02x}" if code <= 0xFF else f"\\U{code:08x}"


def _class(text: str, at: int, *, characters: bool) -> tuple[str, int]:
    """A class in brackets: ``[`` and doubled signs in it are signs to PCRE."""
    out = ["["]
    start, at = at, at + 1
    if text[at : at + 1] == "^":
        out.append("^")
        at += 1
    if text[at : at + 1] == "]":
        out.append("\\]")
        at += 1
    while at < len(text):
        sign = text[at]
        if sign == "]":
            out.append("]")
            return "".join(out), at + 1
        if sign == "\\":
            said, at = _escape(text, at, characters=characters, inside=True)
            out.append(said)
        elif sign == "[":
            posix = _POSIX.match(text, at)
            out.append(posix[0] if posix else "\\[")
            at = posix.end() if posix else at + 1
        elif sign in "&|~" or (sign == "-" and text[at : at + 2] == "--"):
            out.append(f"\\{sign}")
            at += 1
        else:
            out.append(sign)
            at += 1
    raise PatternError(f"the [ at column {start + 1} is not closed, in /{_short(text)}/")
