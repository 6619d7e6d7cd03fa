"""Sealed changes that were seen: one that is sent again changes nothing. No I/O.

The nonce of a sealed request is never used twice by who holds the key, so a request whose nonce was
seen is a retransmission or was recorded on its way.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from filter_engine.fuzzy.protocol import ReplyTo

MOST: Final = 65_536
"""Changes that are remembered; the oldest is forgotten. They take about 20 MB."""

_Address = IPv4Address | IPv6Address


class Changes:
    """The last ``most`` sealed changes, by sender's key and nonce.

    Only changes that were opened and allowed may be remembered: nobody else can fill it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, tuple[_Address, ReplyTo | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def begins(self, name: bytes, address: _Address) -> bool:
        """Whether the change is new; ``name`` is the sender's key and the nonce."""
        if name in self._seen:
            return False
        self._seen[name] = (address, None)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True

    def ends(self, name: bytes, reply: ReplyTo | None) -> None:
        """What was replied; None when nothing was changed, so that it may be tried again."""
        if name not in self._seen:
            return
        if reply is None:
            del self._seen[name]
        else:
            self._seen[name] = (self._seen[name][0], reply)

    def reply(self, name: bytes, address: _Address) -> ReplyTo | None:
        """The reply of before, for the one who had it; None while there is none, and for others."""
        of, reply = self._seen.get(name, (None, None))
        return reply if of == address else None
