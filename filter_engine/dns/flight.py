"""One question on its way: who waits for it, where it went, what may still come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from filter_engine.config.upstreams import Upstream
from filter_engine.dns.sockets import Channel
from filter_engine.scan.question import DnsAnswer, DnsQuestion

Answered = Callable[[DnsAnswer], None]


@dataclass(slots=True, eq=False)
class Flight:
    """The state of one question until it is answered."""

    question: DnsQuestion
    asked: bytes
    """Its question section."""
    waiting: list[Answered]
    sent: int = 0
    """Datagrams sent; also tells an outdated timer from the current one."""
    ttl: int = 0x7FFFFFFF
    """Seconds the aliases followed so far may be believed."""
    server: Upstream | None = None
    """The server asked last."""
    refused: set[Upstream] = field(default_factory=set)
    """Servers that said they cannot answer, or cannot be reached."""
    round: set[Upstream] = field(default_factory=set)
    """Servers asked since all were asked last."""
    ids: list[tuple[Channel, int]] = field(default_factory=list)
    """Where replies may come from: earlier tries still count."""
    edns: bool = True
    over_tcp: bool = False
    done: bool = False
    aliases: int = 0
    """Alias targets that may still be asked for."""
    detail: str = "no name server"
    """Why the last try failed."""

    def land(self) -> None:
        """Nothing more is expected: forget the ids."""
        self.done = True
        for channel, ident in self.ids:
            channel.expected.pop(ident, None)
        self.ids.clear()
