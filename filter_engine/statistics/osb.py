"""Orthogonal sparse bigrams: a word with each of the four before it, and how far apart they are.

Source: Siefkes et al., "Combining Winnow and Orthogonal Sparse Bigrams" (2004); the hash, the
multipliers and what happens at both ends are Rspamd's (OSB version 2), whose tokens these are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import Final

WINDOW: Final = 5
"""Words in the window, the newest included."""
MULTIPLIERS: Final = (0, 3, 5, 11, 23)
"""By distance; the newest word's is 1."""
_M: Final = (1 << 64) - 1
_LANE: Final = 128
"""Bits."""
_ORDER: Final = "little"
"""Of octets, in arrays as well: x86-64 and Arm."""
_DISTANCES: Final = b"\x01\x02\x03\x04"


def tokens(words: Sequence[int], links: Sequence[bool] | None = None) -> tuple[list[int], bytes]:
    """The tokens of a list of words' hashes, and the distance of each (1 to 4).

    ``links`` tells which words are links: they have words before them, but are never those. The
    first four words only stand before others; a list of five or fewer has tokens of its last but
    one with those before.
    """
    count = len(words)
    if count <= WINDOW:
        if count < 2:
            return [], b""
        newest = words[count - 2]
        found = [(newest + words[count - 2 - i] * MULTIPLIERS[i]) & _M for i in range(1, count - 1)]
        return found, bytes(range(1, count - 1))
    size = count - WINDOW
    pairs = array("Q", bytes(8 * 4 * size))
    wide = array("Q", bytes(16 * count))
    wide[::2] = array("Q", words)
    every = int.from_bytes(wide, _ORDER)
    latest = every >> _LANE * WINDOW
    # All words at once: one number of 128 bits a word, so that no product reaches the next one.
    # A loop in Python costs twice as much, and a message has a thousand tokens.
    for i in range(1, WINDOW):
        sums = latest + (every >> _LANE * (WINDOW - i)) * MULTIPLIERS[i]
        lanes = array("Q", sums.to_bytes(16 * (count + 1), _ORDER)[: 16 * size])
        pairs[i - 1 :: 4] = lanes[::2]
    values = pairs.tolist()
    distances = _DISTANCES * size
    if links is None or True not in links:
        return values, distances
    kept = bytearray(b"\x01") * len(values)
    for at in compress(range(count), links):
        for i in range(max(1, WINDOW - at), min(WINDOW, count - at)):
            kept[4 * (at + i - WINDOW) + i - 1] = 0
    return list(compress(values, kept)), bytes(compress(distances, kept))
