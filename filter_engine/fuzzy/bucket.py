"""How many requests a network may send: a leaky bucket each, in constant memory. No I/O.

And how often it is told that some are lost.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

_LEAST_V6: Final = 64
TELL_EVERY: Final = 60.0
"""Seconds."""


class _Bucket(NamedTuple):
    level: float
    at: float
    refused: bool


class Buckets:
    """``rate`` requests a second, ``burst`` at once, of each network of ``mask`` bits (IPv4).

    A network over the limit is refused for ``ttl`` seconds. At most ``most`` are counted: the one
    that was heard of longest ago is forgotten.
    """

    def __init__(self, rate: float, burst: float, *, mask: int, ttl: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._bits = {4: min(mask, 32), 6: min(max(4 * mask, _LEAST_V6), 128)}
        self._ttl = ttl
        self._most = most
        self._buckets: OrderedDict[tuple[int, int], _Bucket] = OrderedDict()
        self.first_refusal = False
        """The last request that was refused is the first of its network in a while."""

    def __len__(self) -> int:
        return len(self._buckets)

    def takes(self, address: IPv4Address | IPv6Address, now: float) -> bool:
        """Whether one more request is within the limit; ``now`` in seconds of any clock."""
        shift = address.max_prefixlen - self._bits[address.version]
        key = (address.version, int(address) >> shift)
        bucket = self._buckets.pop(key, None)
        if bucket is None or now - bucket.at >= self._ttl:
            bucket = _Bucket(0.0, now, refused=False)
        if bucket.refused:
            self._buckets[key] = bucket  # from when it was refused
            self.first_refusal = False
            return False
        level = max(bucket.level - self._rate * (now - bucket.at), 0.0)
        refused = level >= self._burst
        self.first_refusal = refused
        self._buckets[key] = _Bucket(level if refused else level + 1.0, now, refused)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return not refused


class Losses:
    """Counts what is lost, to be told at once and then at most once in ``TELL_EVERY`` seconds."""

    def __init__(self) -> None:
        self._count = 0
        self._told = float("-inf")

    def add(self, now: float) -> int:
        """One more. How many since they were last told, if it is time to tell; else 0."""
        self._count += 1
        if now - self._told < TELL_EVERY:
            return 0
        count, self._count, self._told = self._count, 0, now
        return count
