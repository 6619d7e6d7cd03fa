"""Rspamd's base32: z-base-32's alphabet, bits taken from the lowest of the first octet on."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "ybndrfg8ejkmcpqxot1uwisza345h769"
_PAIRS: Final = tuple(low + high for high in _ALPHABET for low in _ALPHABET)
"""By ten bits."""
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}


def encode_base32(data: bytes, length: int | None = None) -> str:
    """Octets as text; with ``length`` its first characters, no more than so many."""
    whole = (8 * len(data) + 4) // 5
    length = whole if length is None else min(length, whole)
    bits = int.from_bytes(data[: (5 * length + 7) // 8], "little")
    pairs = [_PAIRS[bits >> place & 1023] for place in range(0, 5 * length, 10)]
    return "".join(pairs)[:length]


def decode_base32(text: str) -> bytes:
    """The octets of a text. Raises ``ValueError`` for a character that is not of the alphabet."""
    bits = count = 0
    for char in text:
        value = _VALUES.get(char)
        if value is None:
            raise ValueError(f"{char!r} is no character of base32")
        bits |= value << count
        count += 5
    return bits.to_bytes((count + 7) // 8, "little")[: count // 8]
