"""The world for a scan that must leave no trace: what is remembered may be read, not changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from filter_engine.scan.driver import Transport
from filter_engine.scan.exchange import Exchange, Exchanges, ExchangeStatus, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.store import StoreAnswer, StoreQuestion, StoreStatus


class Trial:
    """Another transport without the questions that change a store.

    Those are answered UNKNOWN and not sent, as where there is no store.
    """

    def __init__(self, world: Transport) -> None:
        self._world: Any = world

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None:
        """Ask DNS."""
        self._world.ask(question, done)

    def exchange(self, exchange: Exchange, done: Callable[[Reply], None], /) -> None:
        """Carry an exchange out."""
        if isinstance(self._world, Exchanges):
            self._world.exchange(exchange, done)
        else:
            detail = "this transport has no connections"
            done(Reply(exchange, ExchangeStatus.UNKNOWN, detail=detail))

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None], /) -> None:
        """Ask a store, unless that changes it."""
        store = getattr(self._world, "store", None)
        if question.writes or store is None:
            detail = "not asked: a trial changes nothing" if question.writes else "no store here"
            done(StoreAnswer(question, StoreStatus.UNKNOWN, detail=detail))
        else:
            store(question, done)

    def flush(self) -> None:
        """Send what was asked of DNS."""
        flush = getattr(self._world, "flush", None)
        if flush is not None:
            flush()
