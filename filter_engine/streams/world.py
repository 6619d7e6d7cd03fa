"""The transport of a worker: DNS by one client, connections by another, stores by a third."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.scan.driver import AskAll, Transport
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.store import StoreAnswer, StoreQuestion, Stores, StoreStatus


class World:
    """Answers the questions that leave the engine."""

    __slots__ = ("ask", "ask_all", "exchange", "flush", "store")

    def __init__(self, dns: Transport, streams: Exchanges, stores: Stores | None = None) -> None:
        # Their own methods: a message asks some forty questions.
        self.ask: Callable[[DnsQuestion, Callable[[DnsAnswer], None]], None] = dns.ask
        """Ask DNS."""
        self.ask_all: AskAll | None = getattr(dns, "ask_all", None)
        """Ask DNS many questions."""
        self.exchange: Callable[[Exchange, Callable[[Reply], None]], None] = streams.exchange
        """Carry an exchange out."""
        self.store: Callable[[StoreQuestion, Callable[[StoreAnswer], None]], None] = (
            _no_store if stores is None else stores.store
        )
        """Ask a store."""
        self.flush: Callable[[], None] = getattr(dns, "flush", _nothing)
        """Send what was asked of DNS."""


def _nothing() -> None:
    """For DNS that answers at once."""


def _no_store(question: StoreQuestion, done: Callable[[StoreAnswer], None]) -> None:
    """Where no store was opened."""
    done(StoreAnswer(question, StoreStatus.UNKNOWN, detail="no store here"))
