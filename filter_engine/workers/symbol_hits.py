"""How often each symbol was set, counted by all processes in anonymous shared memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping

from filter_engine.scan.verdict import SymbolResult


class HitRow:
    """The counts of one process."""

    __slots__ = ("_numbers", "_places")

    def __init__(self, places: Mapping[str, int], numbers: memoryview) -> None:
        self._places = places
        self._numbers = numbers

    def add(self, symbols: Iterable[SymbolResult]) -> None:
        """Count the symbols of one message; those that no configuration names are not."""
        places, numbers = self._places, self._numbers
        for symbol in symbols:
            name = symbol.name
            if name in places:
                numbers[places[name]] += 1


class SymbolHits:
    """One row a process, made with a configuration, as its symbols are its own."""

    def __init__(
        self, names: Iterable[str], rows: int, before: Mapping[str, int] | None = None
    ) -> None:
        """``before``: what was counted with the configuration before this one."""
        self._places = {name: place for place, name in enumerate(names, 1)}
        self._width = len(self._places) + 1
        self._rows = rows
        self._numbers = memoryview(mmap.mmap(-1, 8 * self._width * rows)).cast("Q")
        self._before = {name: n for name, n in (before or {}).items() if name in self._places}

    def row(self, number: int) -> HitRow:
        """The row of a process."""
        start = number * self._width
        self._numbers[start] = 1  # somebody counts here
        return HitRow(self._places, self._numbers[start : start + self._width])

    def totals(self) -> dict[str, int]:
        """Symbol -> how often; every symbol of the configuration is there."""
        sums = [0] * self._width
        for number in range(self._rows):
            start = number * self._width
            if self._numbers[start]:
                row = self._numbers[start : start + self._width].tolist()
                sums = [one + other for one, other in zip(sums, row, strict=True)]
        return {
            name: sums[place] + self._before.get(name, 0) for name, place in self._places.items()
        }
