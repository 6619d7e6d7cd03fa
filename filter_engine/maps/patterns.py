"""Regular expressions and shell patterns, all looked for at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from filter_engine.maps.content import Found, Key, Problem
from filter_engine.maps.limits import MAX_KEY, MAX_PATTERN, MAX_PATTERNS, MAX_PROBLEMS
from filter_engine.maps.lines import Line, regexp_end

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_IGNORED_FLAGS: Final = frozenset("uUOrALDg")


class PatternContent:
    """Compiled patterns with their lines; the first in the map's order counts."""

    __slots__ = ("_patterns", "problems")

    def __init__(self, lines: Iterable[Line], *, glob: bool = False) -> None:
        self.problems: list[Problem] = []
        self._patterns: list[tuple[re.Pattern[str], Found]] = []
        for number, key, value in lines:
            if len(self._patterns) >= MAX_PATTERNS:
                self._note(number, f"more than {MAX_PATTERNS} patterns; the rest is left out")
                break
            try:
                compiled = compile_glob(key) if glob else compile_regexp(key)
            except ValueError as error:
                self._note(number, str(error))
                continue
            self._patterns.append((compiled, Found(key, value, number)))

    def _note(self, line: int, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, message))

    def find(self, key: Key) -> Found | None:
        """The first pattern that fits."""
        return next(self.find_all(key), None)

    def find_all(self, key: Key) -> Iterator[Found]:
        """All patterns that fit, in the map's order."""
        text = (key if isinstance(key, str) else str(key))[:MAX_KEY]
        for pattern, found in self._patterns:
            if pattern.search(text):
                yield found

    def __len__(self) -> int:
        return len(self._patterns)


def compile_regexp(text: str) -> re.Pattern[str]:
    """``/pattern/flags``, or a pattern alone. Raises ``ValueError`` that says what is wrong."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    body, bits = text, re.NOFLAG
    if text.startswith("/"):
        if regexp_end(text) != len(text):
            raise ValueError(f"{text!r} has no closing slash")
        body, _, flags = text[1:].rpartition("/")
        for letter in flags:
            if letter not in _FLAGS and letter not in _IGNORED_FLAGS:
                raise ValueError(f"{text!r}: no flag {letter!r}; known: imsxu")
            bits |= _FLAGS.get(letter, re.NOFLAG)
    try:
        return re.compile(body.replace(r"\/", "/"), bits)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{text!r}: {error}") from None


def compile_glob(text: str) -> re.Pattern[str]:
    """``*`` any characters, ``?`` one, of the whole key and without regard to case."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    pattern = "".join(
        ".*" if char == "*" else "." if char == "?" else re.escape(char)
        for char in re.sub(r"\*+", "*", text)
    )
    return re.compile(rf"\A{pattern}\Z", re.IGNORECASE | re.DOTALL)
