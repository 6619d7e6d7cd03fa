"""One question on its way: who waits for it, where it went, what may still come back."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.config.upstreams import Upstream
from filter_engine.dns.packet import HEAD_EDNS, OPT, query_tail
from filter_engine.dns.sockets import Channel
from filter_engine.scan.question import DnsAnswer, DnsQuestion

Answered = Callable[[DnsAnswer], None]
MAX_ALIASES = 8
"""Alias targets asked for separately, when a server does not follow them itself."""


class Flight:
    """The state of one question until it is answered."""

    # Most questions are sent once and answered: what further tries need stands here, unchanged.
    sent = 0
    """Datagrams sent."""
    due = 0.0
    """When the last try has waited long enough."""
    ttl = 0x7FFFFFFF
    """Seconds the aliases followed so far may be believed."""
    server: Upstream | None = None
    """The server asked last."""
    refused: tuple[Upstream, ...] = ()
    """Servers that said they cannot answer, or cannot be reached."""
    round: tuple[Upstream, ...] = ()
    """Servers asked since all were asked last."""
    ids: tuple[tuple[Channel, bytes], ...] = ()
    """Where replies may come from: earlier tries still count."""
    edns = True
    over_tcp = False
    done = False
    detail = "no name server"
    """Why the last try failed."""

    def __init__(self, question: DnsQuestion, asked: bytes, done: Answered, aliases: int) -> None:
        self.question = question
        self.asked = asked
        """Its question section."""
        self.query = HEAD_EDNS + asked + OPT
        """All that is sent after the id."""
        self.waiting = [done]
        self.aliases = aliases
        """Alias targets that may still be asked for."""

    def ask(self, asked: bytes) -> None:
        """Ask something else for the same question: the target of an alias."""
        self.asked = asked
        self.query = query_tail(asked, edns=self.edns)

    def without_edns(self) -> None:
        """Ask in the older form from now on."""
        self.edns = False
        self.query = query_tail(self.asked, edns=False)

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
