"""Digest and shingles of a text: what its near-duplicates have in common.

32 hash functions run over windows of three words; the least value of each is a shingle. Texts that
share most words share most shingles. Facts of Rspamd 3.4, compared octet by octet with its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import xxhash

from filter_engine.fuzzy.lanes import COUNT, EACH, LENGTH, Mum, join

DEFAULT_KEY: Final = "rspamd"
_KEPT: Final = 8192
"""Words whose hashes are remembered: some 5 MB."""
_WINDOW: Final = 3
"""Words."""
_SHIFTED: Final = (EACH * ((1 << 48) - 1), EACH * ((1 << 56) - 1))
"""What is left of a value that was shifted by two octets, and by one."""
_NAMES: Final = {
    "mum": "mumhash",
    "xxh": "xxhash",
    "sip": "siphash",
    "old": "siphash",
    "fast": "fasthash",
}


class Hashing:
    """How one rule makes hashes: function and keys.

    ``algorithm`` is mumhash, xxhash or siphash, or a short name of them. Raises ``ValueError`` for
    another one.
    """

    def __init__(
        self,
        algorithm: str = "mumhash",
        key: str = DEFAULT_KEY,
        shingles_key: str = DEFAULT_KEY,
    ) -> None:
        self.algorithm = _NAMES.get(algorithm, algorithm)
        if self.algorithm not in ("mumhash", "xxhash", "siphash", "fasthash"):
            raise ValueError(f"{algorithm!r} is no hash function of shingles")
        self._key = hashlib.blake2b(key.encode()).digest()
        self._keys = _keys(hashlib.blake2b(shingles_key.encode()).digest()[:16])
        self._known: dict[str, int] = {}

    def text_digest(self, words: Sequence[str]) -> bytes:
        """The digest of a text of these words: 64 octets."""
        return self.digest("".join(words).encode("utf-8", "surrogateescape"))

    def digest(self, data: bytes) -> bytes:
        """The keyed digest of octets: 64 octets."""
        return hashlib.blake2b(data, key=self._key).digest()

    def shingles(self, words: Sequence[str]) -> tuple[int, ...]:
        """The 32 shingles of a text, numbers of 64 bits; none of a text without words."""
        if not words:
            return ()
        known = self._known
        if len(known) > _KEPT:
            known.clear()
        windowed = self.algorithm != "siphash"
        found = bytearray()
        second = third = 0
        # Rspamd begins with windows that are not full and ends before the last two words.
        for word in words[: max(len(words) - _WINDOW + 1, 1)]:
            first, second = second, third
            value = known.get(word)
            if value is None:
                value = known[word] = self._hashes(word.encode("utf-8", "surrogateescape"))
            third = value
            if windowed:
                value ^= (first >> 16 & _SHIFTED[0]) ^ (second >> 8 & _SHIFTED[1])
            found += value.to_bytes(LENGTH, "little")
        values = memoryview(found).cast("Q")
        return tuple([min(values[place :: 2 * COUNT]) for place in range(0, 2 * COUNT, 2)])

    @cached_property
    def _hashes(self) -> Callable[[bytes], int]:
        """A word's 32 hashes as one number."""
        if self.algorithm == "siphash":
            return self._sip_hashes
        seeds = [int.from_bytes(key[:8], "little") for key in self._keys]
        if self.algorithm == "mumhash":
            return Mum(seeds).hashes
        one = xxhash.xxh64_intdigest if self.algorithm == "xxhash" else xxhash.xxh3_64_intdigest
        return lambda word: join([one(word, seed) for seed in seeds])

    def _sip_hashes(self, word: bytes) -> int:
        """Rspamd's oldest function takes each word three times in place of three words."""
        from nacl.bindings import crypto_shorthash_siphash24  # few sites have it

        text = word * _WINDOW
        found = [crypto_shorthash_siphash24(text, key) for key in self._keys]
        return join([int.from_bytes(value, "little") for value in found])


def _keys(first: bytes) -> tuple[bytes, ...]:
    """32 keys of 16 octets: each is the beginning of the hash of the one before."""
    keys: list[bytes] = []
    for _ in range(COUNT):
        first = hashlib.blake2b(first).digest()[:16]
        keys.append(first)
    return tuple(keys)
