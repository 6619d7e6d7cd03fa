"""Packets of the milter protocol: ``uint32`` length, one command byte, payload.

Source: Sendmail's ``mfdef.h``. The length counts the command byte and is in network byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum, IntFlag

VERSION = 6
"""The protocol version of Sendmail 8.14 and Postfix 2.6 and later."""

MAX_PACKET = 2 * 1024 * 1024
"""Octets. Body chunks are at most 64 KiB, or 1 MiB where MTA and filter agreed on it."""

_LENGTH = struct.Struct("!I")
_NEGOTIATION = struct.Struct("!III")
_INDEXED = struct.Struct("!IcI")


class ProtocolError(Exception):
    """The peer does not keep to the protocol; the connection is of no further use."""


class Command(IntEnum):
    """What the MTA says (``SMFIC_*``)."""

    ABORT = ord("A")
    BODY = ord("B")
    CONNECT = ord("C")
    MACRO = ord("D")
    END_OF_MESSAGE = ord("E")
    HELO = ord("H")
    QUIT_NEW_CONNECTION = ord("K")
    HEADER = ord("L")
    MAIL = ord("M")
    END_OF_HEADERS = ord("N")
    NEGOTIATE = ord("O")
    QUIT = ord("Q")
    RCPT = ord("R")
    DATA = ord("T")
    UNKNOWN = ord("U")


class Reply(IntEnum):
    """What the filter says (``SMFIR_*``)."""

    ACCEPT = ord("a")
    CONTINUE = ord("c")
    DISCARD = ord("d")
    ADD_HEADER = ord("h")
    INSERT_HEADER = ord("i")
    CHANGE_HEADER = ord("m")
    QUARANTINE = ord("q")
    TEMPFAIL = ord("t")
    REPLY_CODE = ord("y")


class Actions(IntFlag):
    """What the filter may ask of the MTA (``SMFIF_*``)."""

    ADD_HEADERS = 0x01
    CHANGE_BODY = 0x02
    ADD_RCPT = 0x04
    DELETE_RCPT = 0x08
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_FROM = 0x40
    ADD_RCPT_ARGUMENTS = 0x80
    SET_MACROS = 0x100


class Protocol(IntFlag):
    """Steps the MTA may leave out, and steps that get no reply (``SMFIP_*``)."""

    NO_REPLY_HEADER = 0x80
    NO_REPLY_CONNECT = 0x1000
    NO_REPLY_HELO = 0x2000
    NO_REPLY_MAIL = 0x4000
    NO_REPLY_RCPT = 0x8000
    NO_REPLY_DATA = 0x10000
    NO_REPLY_UNKNOWN = 0x20000
    NO_REPLY_END_OF_HEADERS = 0x40000
    NO_REPLY_BODY = 0x80000


WANTED_ACTIONS = Actions(0x1FF)
"""What Rspamd asks for, observed."""

WANTED_PROTOCOL = Protocol(0xFF080)
"""Nothing is answered until the end of the message, as Rspamd negotiates it, observed."""

NO_REPLY: Mapping[int, int] = {
    Command.HEADER: Protocol.NO_REPLY_HEADER,
    Command.CONNECT: Protocol.NO_REPLY_CONNECT,
    Command.HELO: Protocol.NO_REPLY_HELO,
    Command.MAIL: Protocol.NO_REPLY_MAIL,
    Command.RCPT: Protocol.NO_REPLY_RCPT,
    Command.DATA: Protocol.NO_REPLY_DATA,
    Command.UNKNOWN: Protocol.NO_REPLY_UNKNOWN,
    Command.END_OF_HEADERS: Protocol.NO_REPLY_END_OF_HEADERS,
    Command.BODY: Protocol.NO_REPLY_BODY,
}
"""Command -> the flag that says it needs no reply."""


class Splitter:
    """Cuts a stream into packets; keeps at most one incomplete packet."""

    __slots__ = ("_max_packet", "_rest")

    def __init__(self, max_packet: int = MAX_PACKET) -> None:
        self._max_packet = max_packet
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The ``(command, payload)`` of every packet that ``data`` completes.

        Raises ``ProtocolError`` for an empty packet or one above the limit.
        """
        if self._rest:
            data = self._rest + data
        packets = []
        position = 0
        end = len(data)
        while end - position >= 5:
            (length,) = _LENGTH.unpack_from(data, position)
            if not 0 < length <= self._max_packet:
                raise ProtocolError(f"packet of {length} octets (1 to {self._max_packet} expected)")
            start = position + 5
            position += 4 + length
            if position > end:
                position = start - 5
                break
            packets.append((data[start - 1], data[start:position]))
        self._rest = data[position:] if position else data
        return packets


def packet(command: int, payload: bytes = b"") -> bytes:
    """One packet on the wire."""
    return _LENGTH.pack(len(payload) + 1) + bytes((command,)) + payload


def negotiation(version: int, actions: int, protocol: int) -> bytes:
    """The packet both sides open with."""
    return packet(Command.NEGOTIATE, _NEGOTIATION.pack(version, actions, protocol))


def parse_negotiation(payload: bytes) -> tuple[int, int, int]:
    """``(version, actions, protocol)`` offered by the MTA; raises ``ProtocolError``."""
    if len(payload) < _NEGOTIATION.size:
        raise ProtocolError(f"negotiation of {len(payload)} octets (12 expected)")
    version, actions, protocol = _NEGOTIATION.unpack_from(payload)
    return version, actions, protocol


def parse_strings(payload: bytes) -> list[bytes]:
    """The NUL-terminated strings of a payload; a missing last NUL is forgiven."""
    strings = payload.split(b"\0")
    if not strings[-1]:
        strings.pop()
    return strings


def parse_macros(payload: bytes) -> tuple[int, dict[bytes, bytes]]:
    """``(command the macros belong to, name -> value)``, names without braces."""
    if not payload:
        raise ProtocolError("macros for no command")
    words = parse_strings(payload[1:])
    names = [name[1:-1] if name[:1] == b"{" else name for name in words[0::2]]
    return payload[0], dict(zip(names, words[1::2], strict=False))


def parse_connect(payload: bytes) -> tuple[bytes, bytes | None]:
    """``(host name, address)``; the address is None for unix sockets and unknown families."""
    name, nul, rest = payload.partition(b"\0")
    if not nul or not rest:
        raise ProtocolError("connection information without address family")
    if rest[:1] not in b"46":
        return name, None
    address = rest[3:].rstrip(b"\0")
    if address[:5].lower() == b"ipv6:":
        address = address[5:]
    if not address:
        raise ProtocolError("connection information without address")
    return name, address


def indexed_header(reply: Reply, index: int, name: bytes, value: bytes) -> bytes:
    """``CHANGE_HEADER`` or ``INSERT_HEADER``; an empty value deletes."""
    length = 7 + len(name) + len(value)
    return b"%b%b\0%b\0" % (_INDEXED.pack(length, bytes((reply,)), index), name, value)


def added_header(name: bytes, value: bytes) -> bytes:
    """``ADD_HEADER``: the header goes to the end."""
    return packet(Reply.ADD_HEADER, b"%b\0%b\0" % (name, value))
