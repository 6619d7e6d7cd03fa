"""Regular expressions and shell patterns, all looked for at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from filter_engine.maps.content import Found, Key, Problem, key_bytes
from filter_engine.maps.limits import MAX_KEY, MAX_PATTERNS, MAX_PROBLEMS
from filter_engine.maps.lines import Line
from filter_engine.matching import (
    DatabaseCache,
    Flags,
    Pattern,
    PatternError,
    PatternSet,
    parse_slashed,
)


class PatternContent:
    """Compiled patterns with their lines; the first in the map's order counts."""

    __slots__ = ("_found", "_patterns", "problems")

    def __init__(
        self, lines: Iterable[Line], place: str, cache: DatabaseCache, *, glob: bool = False
    ) -> None:
        self.problems: list[Problem] = []
        patterns: list[Pattern] = []
        self._found: list[Found] = []
        for number, key, value in lines:
            if len(patterns) >= MAX_PATTERNS:
                self._note(number, f"more than {MAX_PATTERNS} patterns; the rest is left out")
                break
            origin = f"{place}:{number}"
            try:
                pattern = glob_pattern(key, origin) if glob else parse_slashed(key, place, origin)
                pattern.regex  # noqa: B018  # raises for a bad one
            except PatternError as error:
                self._note(number, f"{key!r}: {error}")
                continue
            patterns.append(pattern)
            self._found.append(Found(key, value, number))
        self._patterns = PatternSet.compile(patterns, name=f"map {place}", cache=cache)

    def _note(self, line: int, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, message))

    def find(self, key: Key) -> Found | None:
        """The first pattern that fits."""
        return next(self.find_all(key), None)

    def find_all(self, key: Key) -> Iterator[Found]:
        """All patterns that fit, in the map's order."""
        for index in self._patterns.matches(key_bytes(key)[:MAX_KEY]):
            yield self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def items(self) -> Iterator[Found]:
        """Every entry."""
        return iter(self._found)


def glob_pattern(text: str, origin: str = "") -> Pattern:
    """``*`` any characters, ``?`` one, of the whole key and without regard to case."""
    shortened = re.sub(r"\*+", "*", text)
    pattern = "".join(
        ".*" if char == "*" else "." if char == "?" else re.escape(char) for char in shortened
    )
    flags = Flags.CASELESS | Flags.DOTALL | Flags.UTF8
    return Pattern(rf"\A{pattern}\z", flags, "shell pattern", origin)
