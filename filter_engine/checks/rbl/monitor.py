"""Whether lists are alive: one that lists everybody, or does not answer, is left alone.

Source: RFC 5782, section 5: a list of addresses never has 127.0.0.1, a list of names never has
``INVALID``. A changing label in front of the latter keeps resolvers from answering from memory.
"""

from __future__ import annotations

import logging
from hashlib import blake2b
from typing import Final

from filter_engine.checks.rbl.rules import Rule
from filter_engine.lazy_dataclass import mutable
from filter_engine.scan.question import DnsAnswer, DnsStatus

log = logging.getLogger(__name__)

_LOOPBACK: Final = "1.0.0.127"
_MAX_FAILURES: Final = 3
"""Tests in a row without an answer until a list counts as dead."""


@mutable
class _Health:
    """What is known of one zone in this process."""

    failures: int = 0
    lists_all: bool = False

    @property
    def alive(self) -> bool:
        return not self.lists_all and self.failures < _MAX_FAILURES


class Monitor:
    """The health of all lists, in each worker for itself."""

    def __init__(self, interval: float) -> None:
        """Test each list that is asked every ``interval`` seconds at most."""
        self._interval = max(interval, 1.0)
        self._zones: dict[str, _Health] = {}
        self._next_test: dict[str, float] = {}
        self._dead: set[str] = set()

    def is_due(self, rule: Rule, now: float) -> bool:
        """Whether the rule's list is to be tested along with the mail's names."""
        return rule.monitored and now >= self._next_test.get(rule.zone, 0.0)

    def test_name(self, rule: Rule, now: float) -> str:
        """The name to ask for as a test, which the list then has for the next ``interval``."""
        self._next_test[rule.zone] = now + self._interval
        if rule.monitored_address:
            return rule.monitored_address.strip(".") + rule.zone
        if not rule.random_monitored:
            return _LOOPBACK + rule.zone
        seed = f"{rule.zone} {now // self._interval:.0f}".encode()
        return f"{blake2b(seed, digest_size=8).hexdigest()}.invalid{rule.zone}"

    def take(self, rule: Rule, answer: DnsAnswer) -> None:
        """Learn from the answer to a test."""
        health = self._zones.get(rule.zone)
        if health is None:
            health = self._zones[rule.zone] = _Health()
        was_alive = health.alive
        health.lists_all = answer.status is DnsStatus.OK
        health.failures = health.failures + 1 if answer.failed else 0
        if was_alive and not health.alive:
            self._dead.add(rule.zone)
            why = (
                f"it lists {answer.question.name}, which no list has"
                if health.lists_all
                else f"{health.failures} tests without an answer"
            )
            log.warning("%s is not asked for now: %s", rule.zone[1:], why)
        elif health.alive and not was_alive:
            self._dead.discard(rule.zone)
            log.info("%s is asked again", rule.zone[1:])

    def is_alive(self, rule: Rule) -> bool:
        """Whether the list may be believed."""
        return rule.zone not in self._dead or not rule.monitored

    @property
    def all_alive(self) -> bool:
        """Whether every list may be believed."""
        return not self._dead
