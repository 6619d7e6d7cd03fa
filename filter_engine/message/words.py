"""Words of a text: split, normalised, without the URLs and addresses between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_WORDS: Final = 8192
"""Words of one text that are read."""
_MAX_TEXT: Final = 1 << 19
"""Characters of one text that are read as words."""
# Unicode Text Segmentation (UAX 29): an apostrophe between letters, and a dot or a comma between
# digits, do not part a word. A sign of a currency is a word of its own.
_WORD: Final = re.compile(
    r"\w+(?:(?:(?<=[^\W\d])['\u2019](?=[^\W\d])|(?<=\d)['\u2019.,;](?=\d))\w+)*|[$\u20ac\u00a3]"
)
_JOINTS: Final = str.maketrans("", "", "'\u2019.,;")
_JOINT: Final = re.compile("['\u2019.,;]")


def split_words(text: str, left_out: Sequence[range] = ()) -> list[str]:
    """The words of a text in order, in lower case and normal form KC, at most ``MAX_WORDS``.

    What stands in ``left_out`` (places in order) is not looked at.
    """
    text = _without(text[:_MAX_TEXT], left_out) if left_out else text[:_MAX_TEXT]
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    words = _WORD.findall(text)[:MAX_WORDS]
    if _JOINT.search(text) is None:
        return words
    return [word if word.isalnum() else word.translate(_JOINTS) for word in words]


def _without(text: str, left_out: Sequence[range]) -> str:
    pieces = []
    end = 0
    for place in left_out:
        if place.start >= end:
            pieces.append(text[end : place.start])
            end = place.stop
    pieces.append(text[end:])
    return " ".join(pieces)
