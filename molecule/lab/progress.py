"""What the lab is doing, step n of m, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable

Say = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing (the API's default)."""


class Steps:
    """Numbers the steps of one verb and takes the time."""

    def __init__(self, total: int, say: Say) -> None:
        self._total = total
        self._say = say
        self._number = 0
        self._began = time.monotonic()

    def next(self, what: str) -> None:
        """Announce the next step."""
        self._number += 1
        self._say(f"[{self._number}/{self._total}] {what} ...")

    def done(self, what: str) -> None:
        """Announce the end, with the seconds since the beginning."""
        self._say(f"{what} in {time.monotonic() - self._began:.1f} s")
