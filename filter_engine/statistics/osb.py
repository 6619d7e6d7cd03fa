"""Orthogonal sparse bigrams: a word with each of the four before it, and how far apart they are.

Source: Siefkes et al., "Combining Winnow and Orthogonal Sparse Bigrams" (2004); the hash, the
multipliers and what happens at both ends are Rspamd's (OSB version 2), whose tokens these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW: Final = 5
"""Words in the window, the newest included."""
MULTIPLIERS: Final = (0, 3, 5, 11, 23)
"""By distance; the newest word's is 1."""
_M: Final = (1 << 64) - 1
_DISTANCES: Final = b"\x01\x02\x03\x04"


def tokens(
    words: Sequence[int], links: Sequence[bool] | None = None
) -> tuple[NDArray[np.uint64], bytes]:
    """The tokens of a list of words' hashes, and the distance of each (1 to 4).

    ``links`` tells which words are links: they have words before them, but are never those. The
    first four words only stand before others; a list of five or fewer has tokens of its last but
    one with those before.
    """
    import numpy as np  # loaded where there are statistics

    count = len(words)
    if count <= WINDOW:
        if count < 2:
            return np.empty(0, np.uint64), b""
        newest = words[count - 2]
        found = [(newest + words[count - 2 - i] * MULTIPLIERS[i]) & _M for i in range(1, count - 1)]
        return np.array(found, np.uint64), bytes(range(1, count - 1))
    # All words at once: a loop in Python costs twenty times as much, and a message has a thousand
    # tokens. Sums and products of uint64 wrap, as they have to.
    size = count - WINDOW
    hashes = np.fromiter(words, np.uint64, count)
    pairs = np.empty((size, WINDOW - 1), np.uint64)
    latest = hashes[WINDOW:]
    for i in range(1, WINDOW):
        pairs[:, i - 1] = latest + hashes[WINDOW - i : count - i] * np.uint64(MULTIPLIERS[i])
    if links is None or True not in links:
        return pairs.reshape(-1), _DISTANCES * size
    is_word = ~np.fromiter(links, np.bool_, count)
    kept = np.empty((size, WINDOW - 1), np.bool_)
    for i in range(1, WINDOW):
        kept[:, i - 1] = is_word[WINDOW - i : count - i]
    distances = np.frombuffer(_DISTANCES * size, np.uint8).reshape(kept.shape)
    return pairs[kept], distances[kept].tobytes()
