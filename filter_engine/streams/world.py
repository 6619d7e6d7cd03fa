"""The transport of a worker: DNS by one client, connections by another."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.scan.driver import Transport
from filter_engine.scan.exchange import Exchange, Exchanges, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion


class World:
    """Answers both kinds of questions that leave the engine."""

    __slots__ = ("_dns", "_streams")

    def __init__(self, dns: Transport, streams: Exchanges) -> None:
        self._dns = dns
        self._streams = streams

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None:
        """Ask DNS."""
        self._dns.ask(question, done)

    def exchange(self, question: Exchange, done: Callable[[Reply], None], /) -> None:
        """Carry an exchange out."""
        self._streams.exchange(question, done)
