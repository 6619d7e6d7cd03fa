"""A bound on what all connections of a process hold together."""

from __future__ import annotations


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
