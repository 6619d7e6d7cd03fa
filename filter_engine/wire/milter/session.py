"""One milter connection: packets in, messages with their envelopes out.

The session does no I/O. ``feed`` takes what arrived and returns events; ``take_output`` gives the
bytes to send back. After a ``MessageReceived`` the MTA waits: send the reply, then call
``answered``. After a ``RecipientNamed`` it waits as well, for ``recipient_answered``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import IntEnum
from typing import TypeAlias

from filter_engine.lazy_dataclass import frozen, mutable, settled
from filter_engine.scan.envelope import Envelope
from filter_engine.wire.limits import MAX_ADDRESS, MAX_FIELD_NAME, MAX_MACROS, MAX_RCPTS
from filter_engine.wire.milter.codec import (
    NO_REPLY,
    VERSION,
    WANTED_ACTIONS,
    WANTED_PROTOCOL,
    Command,
    ProtocolError,
    Reply,
    Splitter,
    negotiation,
    packet,
    parse_connect,
    parse_macros,
    parse_negotiation,
)
from filter_engine.wire.milter.envelope import make_envelope, parse_address


class State(IntEnum):
    """Where a connection stands."""

    NEGOTIATION = 0
    OPEN = 1
    """Negotiated, no SMTP client yet."""
    CLIENT = 2
    """An SMTP client is there, no message yet."""
    ENVELOPE = 3
    HEADER = 4
    BODY = 5
    WAITING = 6
    """The message is complete, the MTA waits for the verdict."""
    CLOSED = 7
    RECIPIENT = 8
    """The MTA waits to hear whether the recipient is taken."""


_C = Command
TRANSITIONS: Mapping[State, Mapping[int, State]] = {
    State.NEGOTIATION: {_C.NEGOTIATE: State.OPEN},
    State.OPEN: {_C.CONNECT: State.CLIENT},
    State.CLIENT: {_C.HELO: State.CLIENT, _C.UNKNOWN: State.CLIENT, _C.MAIL: State.ENVELOPE},
    State.ENVELOPE: {
        _C.HELO: State.CLIENT,
        _C.RCPT: State.ENVELOPE,
        _C.UNKNOWN: State.ENVELOPE,
        _C.DATA: State.HEADER,
        # An MTA that did not negotiate DATA (version 3 and before) goes on at once.
        _C.HEADER: State.HEADER,
        _C.END_OF_HEADERS: State.BODY,
        _C.END_OF_MESSAGE: State.WAITING,
    },
    State.HEADER: {
        _C.HEADER: State.HEADER,
        _C.END_OF_HEADERS: State.BODY,
        _C.END_OF_MESSAGE: State.WAITING,
    },
    State.BODY: {_C.BODY: State.BODY, _C.END_OF_MESSAGE: State.WAITING},
    State.WAITING: {},
    State.CLOSED: {},
    State.RECIPIENT: {},
}
"""State -> command -> next state. Once negotiated, MACRO, ABORT and both QUITs may always come."""

# The same with plain numbers: this is looked at for every packet.
_TABLE = tuple({int(c): to for c, to in TRANSITIONS[state].items()} for state in State)
_NAMES = {command.value: command.name for command in Command}
_MACRO = int(_C.MACRO)
_WANTED_ACTIONS = int(WANTED_ACTIONS)
_WANTED_PROTOCOL = int(WANTED_PROTOCOL)
_PER_MESSAGE = tuple(map(int, b"MRTLNBE"))
_STAGES = (*map(int, b"CH"), *_PER_MESSAGE)
"""The commands macros belong to, in order: a later one's macros win."""

_WAITS = frozenset({State.WAITING, State.RECIPIENT})
"""The MTA waits for an answer."""

_RCPT_COST = 64
_NAME_COST = 128
"""Octets a recipient and a name in the header counts take besides their own (64-bit CPython)."""


@frozen
class Limits:
    """What a peer may make us keep."""

    max_message: int
    """Octets of header and body; a longer message is not kept, and marked ``oversize``."""
    max_rcpts: int = MAX_RCPTS
    """Recipients beyond it are not kept."""
    max_macros: int = MAX_MACROS
    """Octets of macros for one command."""


@settled
class MessageReceived:
    """A complete message; the MTA waits for the reply."""

    raw: bytes
    """The message with CRLF line ends; empty when ``oversize``."""
    envelope: Envelope
    size: int
    """Octets received, also when they were not kept."""
    oversize: bool
    dropped: bool
    """There was no room for it (see ``drop``): only a temporary failure may answer it."""
    header_counts: Mapping[bytes, int]
    """Lower-case name -> occurrences, for changes by index; none longer than 998 octets."""
    held: int
    """Octets of memory that all this takes, about."""
    actions: int
    """What may be asked of this MTA: bits of ``Actions``."""


@frozen
class RecipientNamed:
    """A recipient; the MTA waits. Only where the session was told to ask."""

    envelope: Envelope
    """With this recipient alone."""


@frozen
class Aborted:
    """The MTA gave up what it waits for."""


@frozen
class Closed:
    """The MTA said good-bye."""


Event: TypeAlias = MessageReceived | RecipientNamed | Aborted | Closed


@mutable
class _Message:
    mail_from: bytes
    rcpts: list[bytes] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)
    """One buffer: a list of short header fields would take ten times their octets."""
    size: int = 0
    oversize: bool = False
    dropped: bool = False
    header_counts: dict[bytes, int] = field(default_factory=dict)
    around: int = 0
    """Octets that recipients and header counts take."""

    @property
    def held(self) -> int:
        """Octets kept."""
        return len(self.content) + self.around


class Session:
    """The filter's side of one connection. After a ``ProtocolError`` only closing is left."""

    def __init__(self, limits: Limits, *, asks_recipients: bool = False) -> None:
        """``asks_recipients``: every recipient is answered, by a ``RecipientNamed``."""
        self._limits = limits
        self._asks_recipients = asks_recipients
        self._splitter = Splitter()
        self._state = State.NEGOTIATION
        self._noisy: frozenset[int] = frozenset()
        self._actions = 0
        self._out: list[bytes] = []
        self._macros: dict[int, dict[bytes, bytes]] = {}
        self._last_macros: bytes | None = None
        self._client: tuple[bytes, bytes | None] = (b"", None)
        self._helo: bytes | None = None
        self._message: _Message | None = None

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    @property
    def in_message(self) -> bool:
        """A message has begun and is not answered yet."""
        return self._message is not None or self._state is State.WAITING

    @property
    def held(self) -> int:
        """Octets kept of the message so far, with recipients and header counts."""
        return 0 if self._message is None else self._message.held

    def drop(self) -> None:
        """There is no room for the message under way: forget its content, mark it ``dropped``."""
        message = self._message
        if message is not None:
            message.dropped = True
            message.content.clear()
            message.rcpts.clear()
            message.header_counts.clear()
            message.around = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; raises ``ProtocolError`` naming command and state."""
        events: list[Event] = []
        for command, payload in self._splitter.feed(data):
            if command == _MACRO and self._state:
                # Postfix repeats its macros before every header: the common case costs nothing.
                if payload != self._last_macros:
                    self._take_macros(payload)
                continue
            following = _TABLE[self._state].get(command)
            if following is None:
                self._interrupt(command, events)
                continue
            self._state = following
            _HANDLERS[command](self, payload, events)
            if command in self._noisy:
                self._out.append(packet(Reply.CONTINUE))
        return events

    def take_output(self) -> bytes:
        """What must be sent back now; empty most of the time."""
        if not self._out:
            return b""
        output = b"".join(self._out)
        self._out.clear()
        return output

    def recipient_answered(self, *, taken: bool) -> None:
        """The MTA was told about the recipient: the next command may come."""
        if self._state is State.RECIPIENT:
            self._state = State.ENVELOPE
            message = self._current()
            if not taken and not message.dropped:
                message.around -= len(message.rcpts.pop()) + _RCPT_COST

    def answered(self) -> None:
        """The verdict was sent: the next message may come."""
        if self._state is State.WAITING:
            self._reset()

    def _interrupt(self, command: int, events: list[Event]) -> None:
        """A command that is not the next step: an end of something, or a mistake."""
        if command == _C.ABORT and self._state not in (State.NEGOTIATION, State.CLOSED):
            if self._state in _WAITS:
                events.append(Aborted())
            self._reset()
        elif command in (_C.QUIT, _C.QUIT_NEW_CONNECTION) and self._state is not State.CLOSED:
            if self._state in _WAITS:
                events.append(Aborted())
            self._reset()
            self._macros.clear()
            self._last_macros = None
            self._helo = None
            if command == _C.QUIT_NEW_CONNECTION and self._state is not State.NEGOTIATION:
                self._state = State.OPEN
            else:
                self._state = State.CLOSED
                events.append(Closed())
        else:
            name = _NAMES.get(command, f"{command:#04x}")
            raise ProtocolError(f"command {name} in state {self._state.name}")

    def _reset(self) -> None:
        self._message = None
        for stage in _PER_MESSAGE:
            self._macros.pop(stage, None)
        self._last_macros = None
        if self._state not in (State.NEGOTIATION, State.OPEN):
            self._state = State.CLIENT

    def _negotiate(self, payload: bytes, _events: list[Event]) -> None:
        version, actions, protocol = parse_negotiation(payload)
        if version < 2:
            raise ProtocolError(f"milter protocol version {version} (2 to {VERSION} expected)")
        wanted = _WANTED_PROTOCOL
        if self._asks_recipients:
            wanted &= ~NO_REPLY[_C.RCPT]
        granted = wanted & protocol
        self._actions = _WANTED_ACTIONS & actions
        if granted != _WANTED_PROTOCOL:
            noisy = (c for c, flag in NO_REPLY.items() if not flag & granted)
            own = _C.RCPT if self._asks_recipients else None
            self._noisy = frozenset(c for c in noisy if c != own)
        self._out.append(negotiation(min(version, VERSION), self._actions, granted))

    def _take_macros(self, payload: bytes) -> None:
        if len(payload) > self._limits.max_macros:
            raise ProtocolError(f"{len(payload)} octets of macros")
        stage, macros = parse_macros(payload)
        if stage in _STAGES:
            self._macros[stage] = macros
            self._last_macros = payload

    def _connect(self, payload: bytes, _events: list[Event]) -> None:
        self._client = parse_connect(payload)
        self._helo = None

    def _take_helo(self, payload: bytes, _events: list[Event]) -> None:
        helo = payload.rstrip(b"\0")
        if len(helo) > MAX_ADDRESS:
            raise ProtocolError(f"HELO of {len(helo)} octets (at most {MAX_ADDRESS})")
        self._helo = helo
        self._message = None

    def _mail(self, payload: bytes, _events: list[Event]) -> None:
        sender = parse_address(payload)
        self._message = _Message(sender, around=len(sender))

    def _rcpt(self, payload: bytes, events: list[Event]) -> None:
        message = self._current()
        rcpt = parse_address(payload)
        kept = len(message.rcpts) < self._limits.max_rcpts and not message.dropped
        if kept:
            message.rcpts.append(rcpt)
            message.around += len(rcpt) + _RCPT_COST
        if not self._asks_recipients:
            return
        if not kept:  # its answer would have nothing to take away
            self._out.append(packet(Reply.CONTINUE))
            return
        self._state = State.RECIPIENT
        macros = self._all_macros()
        envelope = make_envelope(self._client, self._helo, message.mail_from, [rcpt], macros)
        events.append(RecipientNamed(envelope))

    def _ignore(self, payload: bytes, _events: list[Event]) -> None:
        pass

    def _header(self, payload: bytes, _events: list[Event]) -> None:
        name, nul, value = payload.partition(b"\0")
        if not nul or not name:
            raise ProtocolError("header without name")
        message = self._current()
        if len(name) <= MAX_FIELD_NAME and not message.dropped:
            counts = message.header_counts
            lower = name.lower()
            known = counts.get(lower, 0)
            counts[lower] = known + 1
            if not known:
                message.around += len(lower) + _NAME_COST
        value = value.rstrip(b"\0")
        if b"\n" in value:
            value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        # The MTA takes away one space after the colon, and only a space.
        space = b"" if value[:1] == b"\t" else b" "
        self._keep(message, b"%b:%b%b\r\n" % (name, space, value))

    def _end_of_headers(self, _payload: bytes, _events: list[Event]) -> None:
        self._keep(self._current(), b"\r\n")

    def _body(self, payload: bytes, _events: list[Event]) -> None:
        self._keep(self._current(), payload)

    def _end(self, payload: bytes, events: list[Event]) -> None:
        message = self._current()
        if payload:
            self._keep(message, payload)
        events.append(
            MessageReceived(
                raw=bytes(message.content),
                envelope=make_envelope(
                    self._client, self._helo, message.mail_from, message.rcpts, self._all_macros()
                ),
                size=message.size,
                oversize=message.oversize,
                dropped=message.dropped,
                header_counts=message.header_counts,
                held=message.held,
                actions=self._actions,
            )
        )
        self._message = None

    def _all_macros(self) -> dict[bytes, bytes]:
        merged: dict[bytes, bytes] = {}
        for stage in _STAGES:
            merged.update(self._macros.get(stage, ()))
        return merged

    def _keep(self, message: _Message, data: bytes) -> None:
        message.size += len(data)
        if message.oversize or message.dropped:
            return
        if message.size > self._limits.max_message:
            message.oversize = True
            message.content.clear()
        else:
            message.content += data

    def _current(self) -> _Message:
        if self._message is None:
            raise ProtocolError("message content before MAIL")
        return self._message


_HANDLERS: Mapping[int, Callable[[Session, bytes, list[Event]], None]] = {
    int(_C.NEGOTIATE): Session._negotiate,
    int(_C.CONNECT): Session._connect,
    int(_C.HELO): Session._take_helo,
    int(_C.UNKNOWN): Session._ignore,
    int(_C.MAIL): Session._mail,
    int(_C.RCPT): Session._rcpt,
    int(_C.DATA): Session._ignore,
    int(_C.HEADER): Session._header,
    int(_C.END_OF_HEADERS): Session._end_of_headers,
    int(_C.BODY): Session._body,
    int(_C.END_OF_MESSAGE): Session._end,
}
