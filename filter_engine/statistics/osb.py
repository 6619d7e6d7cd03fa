"""Orthogonal sparse bigrams: a word with each of the four before it, and how far apart they are.

Source: Siefkes et al., "Combining Winnow and Orthogonal Sparse Bigrams" (2004); the hash, the
multipliers and what happens at both ends are Rspamd's (OSB version 2), whose tokens these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WINDOW: Final = 5
"""Words in the window, the newest included."""
MULTIPLIERS: Final = (0, 3, 5, 11, 23)
"""By distance; the newest word's is 1."""
_M: Final = (1 << 64) - 1


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
    found = []
    if links is None or not any(links):
        for at in range(WINDOW, count):
            newest = words[at]
            found += (
                (newest + words[at - 1] * 3) & _M,
                (newest + words[at - 2] * 5) & _M,
                (newest + words[at - 3] * 11) & _M,
                (newest + words[at - 4] * 23) & _M,
            )
        return found, b"\x01\x02\x03\x04" * (count - WINDOW)
    distances = bytearray()
    for at in range(WINDOW, count):
        newest = words[at]
        for i in range(1, WINDOW):
            if not links[at - i]:
                found.append((newest + words[at - i] * MULTIPLIERS[i]) & _M)
                distances.append(i)
    return found, bytes(distances)
