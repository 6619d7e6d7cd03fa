"""Orthogonal sparse bigrams: a word with each of the four before it, and how far apart they are.

Source: Siefkes et al., "Combining Winnow and Orthogonal Sparse Bigrams" (2004); the hash, the
multipliers and what happens at both ends are Rspamd's (OSB version 2), whose tokens these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Final

WINDOW: Final = 5
"""Words in the window, the newest included."""
MULTIPLIERS: Final = (0, 3, 5, 11, 23)
"""By distance; the newest word's is 1."""
_M: Final = (1 << 64) - 1
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
    latest = words[WINDOW:]
    found = [0] * (4 * len(latest))
    # All of one distance at once: four times a comprehension is twice as fast as one loop.
    for i in range(1, WINDOW):
        by = MULTIPLIERS[i]
        found[i - 1 :: 4] = [
            (new + old * by) & _M for new, old in zip(latest, words[WINDOW - i :], strict=False)
        ]
    distances = _DISTANCES * len(latest)
    if links is None or True not in links:
        return found, distances
    kept = [False] * len(found)
    for i in range(1, WINDOW):
        kept[i - 1 :: 4] = [not link for link in links[WINDOW - i : count - i]]
    return list(compress(found, kept)), bytes(compress(distances, kept))
