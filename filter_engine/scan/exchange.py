"""The question that is bytes over a socket: send these, and what comes back?

As all questions it belongs to no event loop and holds plain data only, so that it can be recorded
and replayed; ``key`` is its name in a recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple, Protocol, runtime_checkable

from filter_engine.config.upstreams import UpstreamList
from filter_engine.scan.question import Question
from filter_engine.upstream.upstream_set import Health

MAX_REPLY: Final = 1 << 20
"""Bytes of a reply, unless a question sets a lower limit."""
FILE: Final = b"%FILE%"
"""Stands in ``send`` for the path of the file that holds ``content``."""


class Until(Enum):
    """When a reply is whole."""

    EOF = "eof"
    """The server closes the connection."""
    LINE = "line"
    """A line matches the regular expression ``pattern``; an empty one matches the first line."""
    NUL = "nul"
    """A zero octet, which is left out of the reply."""
    SIZE = "size"
    """``size`` bytes are there."""
    DATAGRAM = "datagram"
    """One datagram (UDP)."""
    DATAGRAMS = "datagrams"
    """``size`` bytes are there, in as many datagrams as it takes: the answers to ``send`` and
    ``more``, one after the other as they come."""


class ExchangeStatus(Enum):
    """How an exchange ended."""

    OK = "ok"
    REFUSED = "refused"
    """Nobody could be connected to."""
    UNREACHABLE = "unreachable"
    """Nobody took the connection in ``connect_timeout``."""
    TIMEOUT = "timeout"
    CLOSED = "closed"
    """The server closed before the reply was whole."""
    TOO_LARGE = "too large"
    UNEXPECTED = "unexpected"
    """The last line, or a step of the dialogue, was answered otherwise than wanted."""
    UNKNOWN = "unknown"
    """The host has no address, or nothing can connect here."""


class Tls(Enum):
    """How a connection is secured."""

    NONE = "none"
    VERIFIED = "verified"
    """TLS from the first octet; the server's certificate must be trusted and of its name."""
    UNVERIFIED = "unverified"
    """TLS with whatever certificate the server has."""


class Step(NamedTuple):
    """One turn of a dialogue."""

    send: bytes
    line: bytes
    """Regular expression of the line that ends the answer."""
    wanted: bytes
    """Regular expression that this line has to match, or the exchange ends."""


class _Exchange(NamedTuple):
    servers: UpstreamList
    """Tried in the order of their rotation; host names are looked up."""
    send: bytes = b""
    until: Until = Until.EOF
    pattern: bytes = b""
    size: int = 0
    timeout: float = 5.0
    """Seconds for one try, connecting included."""
    connect_timeout: float = 0.0
    """Seconds until somebody takes the connection, else ``UNREACHABLE``; 0: as ``timeout``."""
    tries: int = 1
    """Connections at most, each to another server where there is one."""
    limit: int = MAX_REPLY
    """Bytes of the reply; more is a failure."""
    half_close: bool = False
    """Say that no more will be sent, once all is."""
    wanted: bytes = b""
    """With ``LINE``: regular expression that the last line has to match, or the exchange fails."""
    farewell: bytes = b""
    """Sent once the reply is whole; nothing is awaited."""
    steps: tuple[Step, ...] = ()
    """Turns before ``send``; their answers are no part of the reply."""
    content: bytes = b""
    """Written to a file for the time of the exchange, where ``send`` has ``FILE``."""
    directory: str = "/tmp"  # noqa: S108  # the default of Rspamd's option tmpdir
    """Of that file."""
    tls: Tls = Tls.NONE
    more: tuple[bytes, ...] = ()
    """With ``DATAGRAMS``: datagrams that leave after ``send``, over the same socket."""
    service: str = ""
    """What the site knows the servers by, under which their health is shown; empty for servers
    that a message names."""
    health: Health | None = None
    """When a server counts as dead, and others are asked, if there are any; None: as the site
    says of all."""


class Exchange(_Exchange, Question["Reply"]):
    """One request and its reply over TCP (with TLS or without), a unix socket or UDP."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"exchange with {self.servers}"

    @property
    def key(self) -> str:
        """Servers and a digest of all else that decides the reply, as text."""
        digest = hashlib.sha256()
        steps = (part for step in self.steps for part in step)
        until = self.until.value.encode()
        for part in (self.send, until, self.pattern, self.wanted, self.content, *steps, *self.more):
            digest.update(len(part).to_bytes(8) + part)
        digest.update(self.size.to_bytes(8) + bytes((self.half_close,)))
        if self.tls is not Tls.NONE:
            digest.update(self.tls.value.encode())
        return f"{self.servers} {digest.hexdigest()}"


class Reply(NamedTuple):
    """What came back."""

    question: Exchange
    status: ExchangeStatus
    data: bytes = b""
    """All that was received, also when the exchange failed half-way."""
    server: str = ""
    """The server that was asked last."""
    detail: str = ""
    """For people: what failed."""

    @property
    def ok(self) -> bool:
        """The reply is whole."""
        return self.status is ExchangeStatus.OK

    @property
    def evidence(self) -> str:
        """Who was asked and what failed, in a few words."""
        return f"{self.server}: {self.detail or self.status.value}" if self.server else self.detail


@runtime_checkable
class Exchanges(Protocol):
    """Whatever can carry an exchange out."""

    def exchange(self, question: Exchange, done: Callable[[Reply], None], /) -> None:
        """Call ``done`` exactly once, now or later, and never raise."""
