"""Redis' protocol without I/O: questions become octets, octets become replies.

Source: redis.io, "Redis serialization protocol specification" (RESP2). Parser and packer are
hiredis', which is C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import hiredis

from filter_engine.scan.store import StoreQuestion

MAX_REPLY: Final = 64 * 1024 * 1024
"""Octets that may come before a reply is whole; a server that sends more is left."""
_NOTHING: Final = object()
_pack = cast(Callable[[tuple[bytes, ...]], bytes], hiredis.pack_command)  # typed as of one word


class ProtocolError(Exception):
    """What came is not of the protocol: nothing after it can be read."""


def packed(question: StoreQuestion, *, source: bool = False) -> bytes:
    """The command of a question; a script travels by its digest, or whole with ``source``."""
    script = question.script
    if script is None:
        return _pack((question.command, *question.keys, *question.args))
    name, what = (b"EVAL", script.lua) if source else (b"EVALSHA", script.sha)
    count = b"%d" % len(question.keys)
    return _pack((name, what, count, *question.keys, *question.args))


def command(*words: bytes) -> bytes:
    """Any other command."""
    return _pack(words)


class Replies:
    """Reads replies out of whatever pieces the network brings."""

    __slots__ = ("_reader", "_waiting")

    def __init__(self) -> None:
        self._reader = hiredis.Reader(notEnoughData=_NOTHING, replyError=ServerError)
        self._waiting = 0

    def feed(self, data: bytes) -> Iterator[Any]:
        """The replies that are whole now; one that refuses is a ``ServerError``.

        Raises ``ProtocolError``.
        """
        try:
            self._reader.feed(data)
            self._waiting += len(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                self._waiting = 0
                yield reply
        except hiredis.ProtocolError as error:
            raise ProtocolError(f"no reply of Redis: {str(error)[:200]}") from None
        if self._waiting > MAX_REPLY:
            raise ProtocolError(f"a reply of more than {MAX_REPLY} octets")


class ServerError(Exception):
    """The server's refusal of one command; ``code`` is its first word, e.g. READONLY."""

    @property
    def code(self) -> str:
        """The first word."""
        return str(self).partition(" ")[0]

    @property
    def text(self) -> str:
        """The refusal, short and printable. Redis repeats arguments of unknown commands in it."""
        return "".join(c if c.isprintable() else "?" for c in str(self)[:200])
