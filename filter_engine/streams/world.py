"""The transport of a worker: DNS by one client, connections by another."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.scan.driver import Transport
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion


class World:
    """Answers both kinds of questions that leave the engine."""

    __slots__ = ("ask", "exchange", "flush")

    def __init__(self, dns: Transport, streams: Exchanges) -> None:
        # Their own methods: a message asks some forty questions.
        self.ask: Callable[[DnsQuestion, Callable[[DnsAnswer], None]], None] = dns.ask
        """Ask DNS."""
        self.exchange: Callable[[Exchange, Callable[[Reply], None]], None] = streams.exchange
        """Carry an exchange out."""
        self.flush: Callable[[], None] = getattr(dns, "flush", _nothing)
        """Send what was asked of DNS."""


def _nothing() -> None:
    """For DNS that answers at once."""
