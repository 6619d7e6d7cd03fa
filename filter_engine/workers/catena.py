"""Catena-Butterfly, the memory-hard password hash behind Rspamd's ``$2$`` hashes.

Source: Forler, Lucks, Wenzel, "The Catena Password-Scrambling Framework", version 3.1: the variant
Butterfly-Full (double butterfly graph, BLAKE2b throughout), with the parameters of ``rspamadm pw``.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

VARIANT = b"Butterfly-Full"
LAMBDA = 4
"""Depth: how often the graph is run through."""
GARLIC = 10
"""The graph's rows have 2**garlic values."""
ASSOCIATED_DATA = b"rspamd"

_SIZE = 64
_WORD = (1 << 64) - 1
_STAR = 1181783497276652981


def catena_butterfly(
    password: bytes,
    salt: bytes,
    length: int,
    *,
    data: bytes = ASSOCIATED_DATA,
    depth: int = LAMBDA,
    garlic: int = GARLIC,
) -> bytes:
    """The key of ``length`` octets (at most 64) for a password; takes about a quarter second."""
    tweak = bytes((0, depth, length, len(salt)))
    state = _hash(_hash(VARIANT), tweak, _hash(data), password, salt)
    state = _flap(state, depth, (garlic + 1) // 2, salt)
    state = _flap(state, depth, garlic, salt)
    return _hash(bytes((garlic,)), state)[:length]


def _hash(*parts: bytes) -> bytes:
    return blake2b(b"".join(parts)).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).to_bytes(
        _SIZE, "little"
    )


def _flap(state: bytes, depth: int, garlic: int, salt: bytes) -> bytes:
    """One pass of the (2**garlic, depth) superconcentrator."""
    row = _first_row(state, 1 << garlic)
    _gamma(row, garlic, salt)
    for _ in range(depth):
        for level in range(2 * garlic - 1):
            # The butterfly's diagonals: first from the greatest distance down, then up again.
            shift = garlic - 1 - level if level < garlic else level - (garlic - 1)
            row = _next_row(row, 1 << shift)
    return row[-1]


def _first_row(state: bytes, width: int) -> list[bytes]:
    older, old = _hash(b"\1", state), _hash(b"\0", state)
    row = [_hash(old, older)]
    row.append(_hash(row[0], old))
    while len(row) < width:
        row.append(_hash(row[-1], row[-2]))
    return row


def _next_row(row: list[bytes], distance: int) -> list[bytes]:
    value = _hash(b"\0", _hash(_xor(row[-1], row[0]), row[distance]))
    following = [value]
    for position in range(1, len(row)):
        value = blake2b(_xor(value, row[position]) + row[position ^ distance]).digest()
        following.append(value)
    return following


def _gamma(row: list[bytes], garlic: int, salt: bytes) -> None:
    """Salt-dependent hashing of random places, against precomputed tables."""
    numbers = _xorshift1024star(salt)
    shift = 64 - garlic
    for _ in range(1 << ((3 * garlic + 3) // 4)):
        one = next(numbers) >> shift
        other = next(numbers) >> shift
        row[one] = _hash(row[one], row[other])


def _xorshift1024star(salt: bytes) -> Iterator[int]:
    first = _hash(salt)
    seed = first + _hash(first)
    state = [int.from_bytes(seed[i : i + 8], "little") for i in range(0, 128, 8)]
    position = 0
    while True:
        old = state[position]
        position = (position + 1) & 15
        new = state[position]
        new ^= (new << 31) & _WORD
        new ^= new >> 11
        old ^= old >> 30
        state[position] = old ^ new
        yield state[position] * _STAR & _WORD
