"""A bound on what many connections hold together."""

from __future__ import annotations

from typing import Self


class Budget:
    """Octets that may be held at once. Every ``take`` that succeeds needs its ``give``."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, octets: int) -> bool:
        """Reserve; False (and nothing reserved) when it would exceed the limit."""
        if self.used + octets > self.limit:
            return False
        self.used += octets
        return True

    def give(self, octets: int) -> None:
        """Return what was taken."""
        self.used -= octets


class Hold:
    """What one piece of work takes from a budget; all of it goes back at the end."""

    __slots__ = ("_budget", "_taken")

    def __init__(self, budget: Budget | None) -> None:
        """``budget`` None: everything is granted."""
        self._budget = budget
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._budget is not None:
            self._budget.give(self._taken)
        self._taken = 0

    def take(self, octets: int) -> bool:
        """Reserve; False when the budget says no."""
        if self._budget is not None:
            if not self._budget.take(octets):
                return False
            self._taken += octets
        return True
