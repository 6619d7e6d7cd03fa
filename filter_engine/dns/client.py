"""The DNS client of a scan worker: UDP over a few shared sockets, one cache, no future a query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from filter_engine.dns.servers import NameServer
from filter_engine.scan.question import DnsAnswer, DnsQuestion


class DnsClient:
    """Asks recursive resolvers. Built in the master, opened in each worker after the fork."""

    def __init__(
        self,
        nameservers: Sequence[NameServer],
        *,
        timeout: float = 1.0,
        retransmits: int = 5,
        sockets: int = 16,
        cache_size: int = 32768,
    ) -> None:
        raise NotImplementedError("the signature stands; the client follows")

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the sockets; call once in each worker after the fork."""

    def close(self) -> None:
        """Close the sockets; open questions are answered TEMPFAIL."""

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        """Call ``done`` once with the answer: at once from the cache, else when it comes."""
