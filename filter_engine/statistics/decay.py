"""Long texts: after the first words, ever fewer count, the same ones each time.

Which ones follows Rspamd (``words_decay``), so that both make the same tokens: a linear
congruential generator is seeded by a hash (mum) of the words until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Final

_M: Final = (1 << 64) - 1
_WORD_LENGTH: Final = 6.0
"""Octets of a word, on average."""
_STEP: Final = 0x2E0BB864E9EA7DF5
_KEY: Final = 0xCDB32970830FCAA1
_FINISH: Final = (0xA9A7AE7CEFF79F3F, 0xAF47D47C99B1461B)


def _mum(one: int, other: int) -> int:
    """The high and the low half of a product, added."""
    product = one * other
    return ((product >> 64) + product) & _M


def seed(words: Sequence[bytes]) -> int:
    """The generator's first state by the words, as written, until decay begins."""
    state = 0
    for word in words:
        if len(word) >= 8:
            state = _mum(state, _STEP) ^ _mum(int.from_bytes(word[:8], "little"), _KEY)
    for prime in _FINISH:
        state ^= _mum(state, prime)
    return state


def kept_share(words_decay: int, rest: int) -> float:
    """The share of further words that is kept of a text that goes on for ``rest`` octets.

    1 or more: all are.
    """
    return floor(words_decay / (rest / _WORD_LENGTH) * 10) / 10.0 if rest else 1.0


def left_out(state: int, share: float, places: Sequence[int]) -> list[int]:
    """Those of ``places``, of words that further come, that are not kept."""
    limit = _M if share >= 1.0 else int(share * float(_M))
    found = []
    for place in places:
        state = (state * 2862933555777941757 + 3037000493) & _M
        if state > limit:
            found.append(place)
    return found
