"""One bound on the messages that all processes of the service hold together.

Each process publishes in its row of the shared statistics what it has reserved; none reserves more
than the rows together allow. No lock is needed: a process publishes first and looks then, so of two
that want the last room at the same time both may be refused, but never both served.
"""

from __future__ import annotations

from filter_engine.wire.budget import Budget
from filter_engine.workers.statistics import Counter, Row, Statistics

HELD_MESSAGES = 4
"""Messages of the greatest size the service holds at once; smaller ones accordingly more.

Four, because one that travels compressed from the proxy to a scanner of the same service is held
up to four times. While it is scanned, a message takes about three times its octets of memory: the
service needs 3 x 4 x ``options.max_message`` for messages at most.
"""
_STEPS = 64
"""A process reserves in steps of this part of a message, and looks at the others only then."""


class ServiceBudget(Budget):
    """The budget as one process uses it."""

    __slots__ = ("_reserved", "_row", "_statistics", "_step")

    def __init__(self, max_message: int, statistics: Statistics, row: Row) -> None:
        """``max_message``: octets; ``row``: this process's own."""
        super().__init__(HELD_MESSAGES * max_message)
        self._statistics = statistics
        self._row = row
        self._step = max(max_message // _STEPS, 1)
        self._reserved = 0

    def take(self, octets: int) -> bool:
        """Reserve; False (and nothing reserved) when all processes would exceed the limit."""
        wanted = self.used + octets
        if wanted > self._reserved and not self._reserve(wanted):
            return False
        self.used = wanted
        return True

    def give(self, octets: int) -> None:
        """Return what was taken; one step stays reserved for the next message."""
        self.used -= octets
        keep = -(-self.used // self._step) * self._step or min(self._step, self._reserved)
        if keep < self._reserved:
            self._publish(keep)

    def _reserve(self, wanted: int) -> bool:
        before = self._reserved
        # Rounding up must not refuse what fits exactly.
        for reserve in (-(-wanted // self._step) * self._step, wanted):
            self._publish(reserve)
            if self._statistics.held() <= self.limit:
                return True
        self._publish(before)
        return False

    def _publish(self, octets: int) -> None:
        self._reserved = octets
        self._row.set(Counter.HELD, octets)
