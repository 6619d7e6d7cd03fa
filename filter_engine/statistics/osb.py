"""Orthogonal sparse bigrams: a word with each of the four before it, and how far apart they are.

Source: Siefkes et al., "Combining Winnow and Orthogonal Sparse Bigrams" (2004); the hash, the
multipliers and what happens at both ends are Rspamd's (OSB version 2), whose tokens these are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

WINDOW: Final = 5
"""Words in the window, the newest included."""
MULTIPLIERS: Final = (0, 3, 5, 11, 23)
"""By distance; the newest word's is 1."""
_M: Final = (1 << 64) - 1
_DISTANCES: Final = b"\x01\x02\x03\x04"
_LANE: Final = 128
"""Bits of a word in the wide number: a sum of products takes up to 70 of them."""


def tokens(words: Sequence[int], links: Sequence[bool] | None = None) -> tuple[array[int], bytes]:
    """The tokens (64 bits each) of a list of words' hashes, and the distance of each (1 to 4).

    ``links`` tells which words are links: they have words before them, but are never those. The
    first four words only stand before others; a list of five or fewer has tokens of its last but
    one with those before.
    """
    count = len(words)
    if count <= WINDOW:
        if count < 2:
            return array("Q"), b""
        newest = words[count - 2]
        found = [(newest + words[count - 2 - i] * MULTIPLIERS[i]) & _M for i in range(1, count - 1)]
        return array("Q", found), bytes(range(1, count - 1))
    # All words are one wide number, so that each distance is one multiplication and one sum: a
    # loop takes twice as long, and a message has a thousand tokens. The lower half of a lane is
    # the token. (numpy takes a tenth; it costs 0.06 to 0.13 s of each start and 12 MB.)
    # Arrays are of the machine's order, which is little-endian wherever this engine's wheels are.
    size = count - WINDOW
    lanes = array("Q", bytes(count * _LANE // 8))
    lanes[::2] = array("Q", words)
    whole = int.from_bytes(lanes, "little")
    latest, octets = whole >> _LANE * WINDOW, (count + 1) * _LANE // 8
    pairs = array("Q", bytes(size * (WINDOW - 1) * 8))
    for i in range(1, WINDOW):
        sums = latest + (whole >> _LANE * (WINDOW - i)) * MULTIPLIERS[i]
        column = array("Q", sums.to_bytes(octets, "little"))[: 2 * size : 2]
        pairs[i - 1 :: WINDOW - 1] = column
    distances = _DISTANCES * size
    if links is None or True not in links:
        return pairs, distances
    return _without_links(pairs, distances, links)


def _without_links(
    pairs: array[int], distances: bytes, links: Sequence[bool]
) -> tuple[array[int], bytes]:
    """What is left without the tokens that have a link before another word."""
    marked = bytearray(distances)
    size = len(marked)
    at = -1
    for _ in range(links.count(True)):
        at = links.index(True, at + 1)
        for i in range(1, WINDOW):
            place = (WINDOW - 1) * (at + i - WINDOW) + i - 1
            if 0 <= place < size:
                marked[place] = 0
    # Links are few: what stands between them is taken whole.
    left = array("Q")
    start, end = 0, marked.find(0)
    while end >= 0:
        left += pairs[start:end]
        start = end + 1
        end = marked.find(0, start)
    left += pairs[start:]
    return left, bytes(marked.translate(None, b"\0"))
