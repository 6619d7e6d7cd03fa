"""The addresses of a host, for connections that the engine opens itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from filter_engine.scan.question import DnsAnswer, DnsQuestion


class Asked(Protocol):
    """Whatever answers DNS questions (``scan.driver.Transport``)."""

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None:
        """Answer by calling ``done`` exactly once."""


def look_up(resolver: Asked, host: str, done: Callable[[Sequence[str]], None]) -> None:
    """Ask for the A and AAAA records of ``host``; ``done`` gets the addresses, IPv4 first."""
    found: dict[str, tuple[str, ...]] = {}

    def take(answer: DnsAnswer) -> None:
        found[answer.question.rdtype] = answer.records
        if len(found) == 2:
            done((*found["A"], *found["AAAA"]))

    for rdtype in ("A", "AAAA"):
        resolver.ask(DnsQuestion(host.rstrip(".").lower(), rdtype), take)
