"""Constant databases (D. J. Bernstein, cr.yp.to/cdb/cdb.txt), held in memory.

Not mapped: a file that is cut while it is mapped ends the process at the next look-up.

A file is 256 pairs (position, slots) of hash tables, the records (key length, data length, key,
data), then the tables of (hash, position). All numbers are 32 bits, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from filter_engine.maps.content import Found, Key, Problem, key_text

_PAIR = struct.Struct("<II")
_HEADER = 256 * _PAIR.size
_MAX_PROBES = 100_000


class CdbContent:
    """An open database. Keys are looked up as written, then in lower case."""

    __slots__ = ("_data", "problems")

    def __init__(self, data: bytes) -> None:
        """Raises ``ValueError`` for what is no CDB."""
        self.problems: list[Problem] = []
        self._data = data
        if len(data) < _HEADER:
            raise ValueError("too short for a CDB")
        for table in range(256):
            at, slots = _PAIR.unpack_from(self._data, table * _PAIR.size)
            if slots and at + slots * _PAIR.size > len(self._data):
                raise ValueError("no CDB: a table lies beyond its end")

    def find(self, key: Key) -> Found | None:
        """The first record of ``key``."""
        return next(self.find_all(key), None)

    def find_all(self, key: Key) -> Iterator[Found]:
        """Every record of ``key``."""
        text = key_text(key)
        for spelled in dict.fromkeys((text, text.lower())):
            for value in self._values(spelled.encode("utf-8", "surrogateescape")):
                yield Found(spelled, value.decode("utf-8", "replace"), 0)

    def _values(self, key: bytes) -> Iterator[bytes]:
        data, size = self._data, len(self._data)
        number = _hash(key)
        table, slots = _PAIR.unpack_from(data, (number & 0xFF) * _PAIR.size)
        for probe in range(min(slots, _MAX_PROBES)):
            slot = ((number >> 8) + probe) % slots
            found, at = _PAIR.unpack_from(data, table + slot * _PAIR.size)
            if not at:
                return
            if found != number or at + _PAIR.size > size:
                continue
            key_length, value_length = _PAIR.unpack_from(data, at)
            start = at + _PAIR.size
            if key_length == len(key) and data[start : start + key_length] == key:
                yield data[start + key_length : start + key_length + value_length]

    def __len__(self) -> int:
        return sum(
            _PAIR.unpack_from(self._data, table * _PAIR.size)[1] // 2 for table in range(256)
        )


def _hash(key: bytes) -> int:
    number = 5381
    for byte in key:
        number = ((number << 5) + number & 0xFFFFFFFF) ^ byte
    return number
