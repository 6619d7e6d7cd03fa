"""What a regexp rule is made of: patterns and functions, found in the text of an expression.

The operators around them are those of ``config/expression.py``. Source of the grammar: Rspamd's
documentation of the regexp module.
"""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.regexp.places import LETTERS, SPELLINGS, Kind, Place
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching.pattern import IGNORED, Flags, Pattern, PatternError
from filter_engine.matching.pattern import LETTERS as PATTERN_LETTERS
from filter_engine.selectors import SelectorError, compile_selector

MAX_RULE: Final = 65_536
"""Characters of one rule."""
_OPERAND: Final = re.compile(
    r"(?P<call>[A-Za-z_]\w*)\s*\("
    r"|(?P<header>[^\s=/()&|!<>+*\"']+|\"[^\"]+\"|'[^']+')\s*=\s*(?=/)"
    r"|(?P<pattern>/)"
    r"|(?P<number>\d+(?:\.\d+)?(?![\w:]))"
    r"|(?P<word>(?:and|or|not)\b)"
    r"|(?P<name>[\w.:~^-]+)",
    re.IGNORECASE,
)
_FLAGS: Final = re.compile(r"(?:[A-Za-z$]|\{[A-Za-z_]+\})*")
_FLAG: Final = re.compile(r"\{([A-Za-z_]+)\}|(.)")
_OPERATORS: Final = frozenset("&|<>=!+*/-(")


class RuleError(ValueError):
    """A rule cannot be read; the text says what is wrong and at which column."""


@frozen
class PatternAtom:
    """``Header=/pattern/flags`` or ``/pattern/flags{place}``."""

    place: Place
    pattern: Pattern


@frozen
class CallAtom:
    """``function(argument, /pattern/)``."""

    function: str
    arguments: tuple[str | Pattern, ...]


def split_atoms(
    text: str, *, name: str = "", origin: str = ""
) -> tuple[str, dict[str, PatternAtom | CallAtom]]:
    """The expression with a name in place of each atom, and the atoms by these names.

    Columns stay where they are as far as the names are not longer than the atoms. Raises
    ``RuleError``.
    """
    if len(text) > MAX_RULE:
        raise RuleError(f"longer than {MAX_RULE} characters")
    out: list[str] = []
    atoms: dict[str, PatternAtom | CallAtom] = {}
    at, operand = 0, True
    read: tuple[PatternAtom | CallAtom, int]
    while at < len(text):
        sign = text[at]
        if sign.isspace():
            out.append(" ")
            at += 1
            continue
        found = _OPERAND.match(text, at) if operand or sign not in _OPERATORS else None
        if found is None or (found.lastgroup == "pattern" and not operand):
            out.append(sign)
            operand = sign != ")"
            at += 1
            continue
        kind = found.lastgroup
        if kind in ("number", "word"):
            out.append(found.group())
            operand = kind == "word"
            at = found.end()
            continue
        if kind == "name":
            raise RuleError(_about_name(found.group(), at))
        if kind == "call":
            read = _call(text, found, name, origin)
        else:
            header = (found["header"] or "").strip("\"'" if found["header"] else None)
            read = _pattern(text, found.end() - (0 if header else 1), header, name, origin)
        label = f"a{len(atoms)}"
        atoms[label], end = read
        out.append(label.ljust(end - at))
        at, operand = end, False
    return "".join(out), atoms


def _about_name(name: str, at: int) -> str:
    if name.startswith("lua:"):
        return f"{name!r} at column {at + 1} is Lua, which this engine does not run"
    return (
        f"{name!r} at column {at + 1} is neither a pattern nor a function;"
        " write Header=/pattern/, /pattern/{mime} or function()"
    )


def _closing_slash(text: str, start: int) -> int:
    """Where the pattern that begins after the slash at ``start`` ends."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "/":
            return at
        else:
            at += 1
    raise RuleError(f"the pattern at column {start + 1} is not closed")


def _pattern(text: str, start: int, header: str, name: str, origin: str) -> tuple[PatternAtom, int]:
    """The pattern whose first slash is at ``start``."""
    end = _closing_slash(text, start)
    letters = _FLAGS.match(text, end + 1)
    assert letters is not None
    flags, kind, strict = _read_flags(letters.group(), start)
    if kind is None:
        kind = Kind.HEADER if header else Kind.MIME
    if kind.named and not header:
        raise RuleError(f"the pattern at column {start + 1} needs a name: Name=/pattern/")
    label = header if strict or kind is Kind.SELECTOR else header.lower()
    place = Place(kind, label if kind.named else "", strict)
    if kind is Kind.SELECTOR:
        _check_selector(header)
    pattern = _checked(Pattern(text[start + 1 : end], flags, name, origin), start)
    return PatternAtom(place, pattern), letters.end()


def _check_selector(text: str) -> None:
    try:
        selector = compile_selector(text)
    except SelectorError as error:
        raise RuleError(f"the selector cannot be read: {error}") from None
    if selector.late or selector.needs:
        raise RuleError(f"the selector {text!r} asks for results that come later")


def _checked(pattern: Pattern, start: int) -> Pattern:
    try:
        pattern.regex  # noqa: B018  # raises for a bad one
    except PatternError as error:
        raise RuleError(f"the pattern at column {start + 1} is wrong: {error}") from None
    return pattern


def _read_flags(letters: str, start: int) -> tuple[Flags, Kind | None, bool]:
    flags, kind, strict = Flags.NONE, None, False
    for long, letter in _FLAG.findall(letters):
        if long:
            kind = SPELLINGS.get(long.lower())
            if kind is None:
                known = ", ".join(each.value for each in Kind)
                raise RuleError(
                    f"{{{long}}} of the pattern at column {start + 1} is no place; write {known}"
                )
        elif letter in PATTERN_LETTERS:
            flags |= PATTERN_LETTERS[letter]
        elif letter in LETTERS:
            kind = LETTERS[letter]
        elif letter == "S":
            strict = True
        elif letter != "T" and letter not in IGNORED:
            raise RuleError(f"unknown flag {letter!r} of the pattern at column {start + 1}")
    return flags, kind, strict


def _call(text: str, found: re.Match[str], name: str, origin: str) -> tuple[CallAtom, int]:
    """A function with its arguments."""
    arguments: list[str | Pattern] = []
    at, word = found.end(), ""
    while at < len(text):
        sign = text[at]
        if sign in ",)":
            if word.strip() or sign == ",":
                arguments.append(word.strip())
            word = ""
            at += 1
            if sign == ")":
                return CallAtom(found["call"], tuple(a for a in arguments if a != "")), at
        elif sign == "/" and not word.strip():
            end = _closing_slash(text, at)
            letters = _FLAGS.match(text, end + 1)
            assert letters is not None
            flags, _, _ = _read_flags(letters.group(), at)
            arguments.append(_checked(Pattern(text[at + 1 : end], flags, name, origin), at))
            at, word = letters.end(), ""
        elif sign in "\"'" and not word.strip():
            end = text.find(sign, at + 1)
            if end < 0:
                raise RuleError(f"the text at column {at + 1} is not closed")
            word, at = text[at + 1 : end], end + 1
        else:
            word += sign
            at += 1
    raise RuleError(f"the parenthesis of {found['call']}() is not closed")
