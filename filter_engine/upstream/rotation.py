"""The orders in which servers are tried: one function for each rotation.

Source: Rspamd's documentation of upstreams. Each function takes servers that may be tried now and
returns one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from math import log
from random import Random

from filter_engine.config.upstreams import Rotation, Upstream
from filter_engine.lazy_dataclass import mutable


@mutable
class Turn:
    """What a choice may depend on besides the candidates."""

    random: Random
    key: bytes = b""
    """For ``hash``: the same key leads to the same server."""
    current: dict[Upstream, int] = field(default_factory=dict)
    """For ``round-robin``: every server's credit."""
    kept: Upstream | None = None
    """For ``sticky``: the server of the last turn."""


def master_slave(candidates: Sequence[Upstream], _turn: Turn) -> Upstream:
    """The heaviest; among equals the first written."""
    return max(candidates, key=lambda upstream: upstream.weight)


def sequential(candidates: Sequence[Upstream], _turn: Turn) -> Upstream:
    """The first written."""
    return candidates[0]


def uniform(candidates: Sequence[Upstream], turn: Turn) -> Upstream:
    """Any, each as likely as the others."""
    return turn.random.choice(candidates)


def round_robin(candidates: Sequence[Upstream], turn: Turn) -> Upstream:
    """In turn, in proportion to the weights and evenly spread (smooth weighted round robin)."""
    total = 0
    for upstream in candidates:
        weight = max(upstream.weight, 1)
        total += weight
        turn.current[upstream] = turn.current.get(upstream, 0) + weight
    chosen = max(candidates, key=lambda upstream: turn.current[upstream])
    turn.current[chosen] -= total
    return chosen


def sticky(candidates: Sequence[Upstream], turn: Turn) -> Upstream:
    """The one of the last turn as long as it may be tried, then another in turn."""
    if turn.kept not in candidates:
        turn.kept = round_robin(candidates, turn)
    assert turn.kept is not None
    return turn.kept


def hashed(candidates: Sequence[Upstream], turn: Turn) -> Upstream:
    """By key, in proportion to the weights (rendezvous hashing).

    When a server drops out, only the keys it had move elsewhere.
    """

    def rank(upstream: Upstream) -> float:
        digest = blake2b(upstream.name.encode(), key=turn.key[:64], digest_size=8).digest()
        share = (int.from_bytes(digest) + 1) / (2**64 + 1)
        return -max(upstream.weight, 1) / log(share)

    return max(candidates, key=rank)


ROTATIONS: Mapping[Rotation, Callable[[Sequence[Upstream], Turn], Upstream]] = {
    Rotation.MASTER_SLAVE: master_slave,
    Rotation.SEQUENTIAL: sequential,
    Rotation.RANDOM: uniform,
    Rotation.ROUND_ROBIN: round_robin,
    Rotation.HASH: hashed,
    Rotation.STICKY: sticky,
}
