"""What clients and storages of fuzzy hashes say to each other, one datagram each. No I/O.

Version 4 of Rspamd's protocol. A request is 76 octets, 32 shingles after them, then extensions; it
may be sealed (``box.py``). A reply is as long as the shortest request and a few octets more, and
never more than 20 octets longer than its request: a forged sender gains nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from filter_engine.fuzzy.box import MAC, NONCE, OpenError, SharedKey

VERSION: Final = 4
DIGEST: Final = 64
"""Octets of a digest."""
SHINGLES: Final = 32
MAX_REQUEST: Final = 1024
"""Octets of a datagram; what is longer is no request."""
MAX_DOMAIN: Final = 64
"""Octets of the sender's domain that are told, its end."""

_HEAD: Final = struct.Struct(f"<BBBBiI{DIGEST}s")
_SHINGLES: Final = struct.Struct(f"<{SHINGLES}Q")
_REPLY: Final = struct.Struct(f"<iIIf{DIGEST}sI12x")
REPLY_SIZE: Final = _REPLY.size
"""Octets of a reply as it is; a sealed one has ``SEALED`` more."""
SEALED: Final = NONCE + MAC
MAGIC: Final = b"rsfe"
_SEAL: Final = struct.Struct(f"<4s8s32s{NONCE}s{MAC}s")
FOUND: Final = 0.5
"""A reply says yes above this probability; below, its value is the number of an error."""
FORBIDDEN: Final = 403
SKIPPED: Final = 401
FAILED: Final = 500
UNSURE: Final = 504
"""The store did not answer in time: a change may have been made."""
_SIZES: Final = {"4": 4, "6": 16}


class Command(IntEnum):
    """What is asked for."""

    CHECK = 0
    WRITE = 1
    DELETE = 2
    STAT = 3


class ProtocolError(ValueError):
    """A datagram is not of the protocol; the message says why."""


class Request(NamedTuple):
    """A request as it is before it is sealed."""

    command: Command
    digest: bytes
    tag: int
    """Comes back in the reply."""
    shingles: tuple[int, ...] = ()
    """32, or none."""
    flag: int = 0
    """The list that is written to."""
    value: int = 0
    """The weight that is added."""
    extensions: bytes = b""

    def encode(self) -> bytes:
        """The octets of the request."""
        head = _HEAD.pack(
            VERSION,
            self.command,
            len(self.shingles),
            self.flag & 0xFF,
            self.value,
            self.tag,
            self.digest,
        )
        shingles = _SHINGLES.pack(*self.shingles) if self.shingles else b""
        return head + shingles + self.extensions


class ReplyTo(NamedTuple):
    """A storage's reply."""

    value: int
    """Found: the weight; else 0 or the number of an error."""
    flag: int
    tag: int
    probability: float
    """Share of the shingles that fit; 1.0 for the digest itself."""
    digest: bytes
    """Of what was found."""
    time: int = 0
    """When it was first written, seconds since the epoch."""

    def encode(self) -> bytes:
        """The octets of the reply."""
        return _REPLY.pack(
            self.value, self.flag, self.tag, self.probability, self.digest, self.time
        )

    @property
    def found(self) -> bool:
        """It says yes."""
        return self.probability > FOUND


def decode_request(data: bytes) -> Request:
    """Read a request that was opened. Raises ``ProtocolError``."""
    if len(data) < _HEAD.size:
        raise ProtocolError(f"{len(data)} octets are no request")
    version, command, count, flag, value, tag, digest = _HEAD.unpack_from(data)
    if version & 0x0F != VERSION:
        raise ProtocolError(f"version {version} is not spoken here")
    try:
        command = Command(command)
    except ValueError:
        raise ProtocolError(f"there is no command {command}") from None
    end = _HEAD.size
    shingles: tuple[int, ...] = ()
    if count:
        if count != SHINGLES or len(data) < end + _SHINGLES.size:
            raise ProtocolError(f"{count} shingles in {len(data)} octets")
        shingles = _SHINGLES.unpack_from(data, end)
        end += _SHINGLES.size
    extensions = data[end:]
    _check_extensions(extensions)
    return Request(command, digest, tag, shingles, flag, value, extensions)


def _check_extensions(data: bytes) -> None:
    at = 0
    while at < len(data):
        kind = chr(data[at])
        at += 1
        size = _SIZES.get(kind, 0)
        if kind == "d" and at < len(data):
            size = data[at] + 1
        if not size or at + size > len(data):
            raise ProtocolError("an extension is unknown or cut off")
        at += size


def extensions(domain: str, ip: IPv4Address | IPv6Address | None) -> bytes:
    """The sender's domain and the client's address, for storages that count them."""
    found = b""
    if domain:
        name = domain.encode("utf-8", "replace")[-MAX_DOMAIN:]
        found = b"d" + bytes((len(name),)) + name
    if ip is not None:
        found += (b"4" if isinstance(ip, IPv4Address) else b"6") + ip.packed
    return found


def decode_reply(data: bytes) -> ReplyTo:
    """Read a reply that was opened. Raises ``ProtocolError``."""
    if len(data) != REPLY_SIZE:
        raise ProtocolError(f"{len(data)} octets are no reply")
    value, flag, tag, probability, digest, time = _REPLY.unpack(data)
    if not 0.0 <= probability <= 1.0:
        raise ProtocolError("the probability is none")
    return ReplyTo(value, flag, tag, probability, digest, time)


class SealedRequest(NamedTuple):
    """A request that only the holder of a key can open."""

    key_id: bytes
    """The beginning of the storage's key's name."""
    public: bytes
    """The sender's public key."""
    nonce: bytes
    mac: bytes
    content: bytes

    def open(self, key: SharedKey) -> bytes:
        """The request in it. Raises ``ProtocolError``."""
        try:
            return key.open(self.nonce, self.mac, self.content)
        except OpenError as error:
            raise ProtocolError(str(error)) from None


def sealed_request(data: bytes) -> SealedRequest | None:
    """The parts of a sealed request; None for one that is not sealed."""
    if len(data) < _SEAL.size + _HEAD.size or not data.startswith(MAGIC):
        return None
    _, key_id, public, nonce, mac = _SEAL.unpack_from(data)
    return SealedRequest(key_id, public, nonce, mac, data[_SEAL.size :])


def seal_request(request: bytes, key: SharedKey, key_id: bytes, public: bytes) -> bytes:
    """A request for the storage whose key's name begins with ``key_id``."""
    nonce, mac, content = key.seal(request)
    return _SEAL.pack(MAGIC, key_id, public, nonce, mac) + content


def seal_reply(reply: bytes, key: SharedKey) -> bytes:
    """A reply for who has sent a sealed request."""
    nonce, mac, content = key.seal(reply)
    return nonce + mac + content


def open_reply(data: bytes, key: SharedKey) -> bytes:
    """The reply in a sealed one. Raises ``ProtocolError``."""
    try:
        return key.open(data[:NONCE], data[NONCE:SEALED], data[SEALED:])
    except OpenError as error:
        raise ProtocolError(str(error)) from None


def replies_in(data: bytes, key: SharedKey | None, wanted: Sequence[int]) -> dict[int, ReplyTo]:
    """Replies that stand one after the other, by their tag; what nobody asked for is left out."""
    size = REPLY_SIZE + (SEALED if key else 0)
    found: dict[int, ReplyTo] = {}
    for at in range(0, len(data) - size + 1, size):
        piece = data[at : at + size]
        try:
            reply = decode_reply(open_reply(piece, key) if key else piece)
        except ProtocolError:
            continue
        if reply.tag in wanted:
            found.setdefault(reply.tag, reply)
    return found
