"""One question on its way: who waits for it, where it went, what may still come back."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.config.upstreams import Upstream
from filter_engine.dns.sockets import Channel
from filter_engine.scan.question import DnsAnswer, DnsQuestion

Answered = Callable[[DnsAnswer], None]


class Flight:
    """The state of one question until it is answered."""

    __slots__ = (
        "aliases",
        "asked",
        "detail",
        "done",
        "edns",
        "ids",
        "over_tcp",
        "question",
        "refused",
        "round",
        "sent",
        "server",
        "ttl",
        "waiting",
    )

    def __init__(self, question: DnsQuestion, asked: bytes, done: Answered, aliases: int) -> None:
        self.question = question
        self.asked = asked
        """Its question section."""
        self.waiting = [done]
        self.sent = 0
        """Datagrams sent; also tells an outdated timer from the current one."""
        self.ttl = 0x7FFFFFFF
        """Seconds the aliases followed so far may be believed."""
        self.server: Upstream | None = None
        """The server asked last."""
        # Most questions are sent once, so that what further tries need is a shared empty tuple.
        self.refused: tuple[Upstream, ...] = ()
        """Servers that said they cannot answer, or cannot be reached."""
        self.round: tuple[Upstream, ...] = ()
        """Servers asked since all were asked last."""
        self.ids: tuple[tuple[Channel, int], ...] = ()
        """Where replies may come from: earlier tries still count."""
        self.edns = True
        self.over_tcp = False
        self.done = False
        self.aliases = aliases
        """Alias targets that may still be asked for."""
        self.detail = "no name server"
        """Why the last try failed."""

    def refuse(self, server: Upstream) -> None:
        """This server is asked no more."""
        if server not in self.refused:
            self.refused += (server,)

    def land(self) -> None:
        """Nothing more is expected: forget the ids."""
        self.done = True
        for channel, ident in self.ids:
            channel.expected.pop(ident, None)
        self.ids = ()
