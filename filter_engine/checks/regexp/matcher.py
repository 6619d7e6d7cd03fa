"""All patterns of all rules: one database for each place, scanned when somebody first asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from filter_engine.checks.regexp.places import Place, Texts
from filter_engine.matching import DatabaseCache, Flags, Pattern, PatternSet

MAX_EVIDENCE: Final = 80
"""Characters of a matched text that is shown."""


class Slot(NamedTuple):
    """A pattern at a place."""

    place: Place
    index: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs


class Matcher:
    """Collects patterns; ``compile`` makes them ready. The same pattern twice is looked for once.

    Made in the master before fork; ``on`` gives the matches in one message.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._patterns: dict[Place, dict[tuple[str, Flags], Pattern]] = {}
        self._numbers: dict[tuple[Place, str, Flags], int] = {}
        self._sets: dict[Place, PatternSet] = {}

    def add(self, place: Place, pattern: Pattern) -> Slot:
        """A number for the pattern at that place."""
        known = self._patterns.setdefault(place, {})
        number = self._numbers.setdefault((place, pattern.text, pattern.flags), len(known))
        known.setdefault((pattern.text, pattern.flags), pattern)
        return Slot(place, number)

    def compile(self, cache: DatabaseCache) -> None:
        """Compile what was added. Raises ``PatternError``."""
        self._sets = {
            place: PatternSet.compile(patterns.values(), name=f"{self.name} ({place})", cache=cache)
            for place, patterns in self._patterns.items()
        }

    def on(self, texts: Texts) -> Matches:
        """The matches in a message; nothing is scanned yet."""
        return Matches(self._sets, texts)

    def __len__(self) -> int:
        return len(self._numbers)


class Matches:
    """What matches in one message."""

    __slots__ = ("_found", "_sets", "_texts")

    def __init__(self, sets: dict[Place, PatternSet], texts: Texts) -> None:
        self._sets = sets
        self._texts = texts
        self._found: dict[Place, dict[int, bytes]] = {}

    def at(self, place: Place) -> Iterable[int]:
        """The numbers of the patterns that match at a place."""
        found = self._found.get(place)
        return self._scan(place) if found is None else found

    def hit(self, slot: Slot) -> bool:
        """Whether the pattern matches anywhere at its place."""
        found = self._found.get(slot.place)
        if found is None:
            found = self._scan(slot.place)
        return slot.index in found

    def count(self, slot: Slot, most: int) -> int:
        """How often the pattern matches in all texts of its place, up to ``most``."""
        if not self.hit(slot):
            return 0
        patterns = self._sets[slot.place]
        number = 0
        for text in self._texts.of(slot.place):
            number += patterns.count(slot.index, text, most - number)
            if number >= most:
                break
        return number

    def evidence(self, slots: Sequence[Slot]) -> str:
        """Where the first of some patterns matches, and what: for people."""
        for slot in slots:
            if self.hit(slot):
                text = self._found[slot.place][slot.index]
                matched = self._sets[slot.place].matched_text(slot.index, text)
                shown = " ".join(matched.split())
                if len(shown) > MAX_EVIDENCE:
                    shown = f"{shown[: MAX_EVIDENCE - 3]}..."
                return f"{slot.place}: {shown!r}"
        return ""

    def _scan(self, place: Place) -> dict[int, bytes]:
        """Pattern -> the first text it matches."""
        found: dict[int, bytes] = {}
        patterns = self._sets[place]
        for text in self._texts.of(place):
            for index in patterns.matches(text):
                found.setdefault(index, text)
        self._found[place] = found
        return found
