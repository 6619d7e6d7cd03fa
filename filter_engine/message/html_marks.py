"""Telling HTML from plain text by its tags, whatever the type says."""

from __future__ import annotations

import re
from typing import Final

_MARKS: Final = re.compile(
    rb"<(?:(html|!doctype html)|(script|body|table)|(a|p|div|span))\b", re.IGNORECASE
)
_WEIGHTS: Final = (0, 32, 20, 10)
_ENOUGH: Final = 40
_LOOKED_AT: Final = 4096
"""Bytes at the beginning that are looked at."""


def looks_like_html(content: bytes) -> bool:
    """Whether the beginning of a text has the tags of an HTML document, not of one quoted line."""
    weight = 0
    for mark in _MARKS.finditer(content, 0, _LOOKED_AT):
        weight += _WEIGHTS[mark.lastindex or 0]
        if weight >= _ENOUGH:
            return True
    return False
