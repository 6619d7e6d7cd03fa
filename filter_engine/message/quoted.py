"""Quoted strings and comments of header values (RFC 5322, sections 3.2.2 and 3.2.4)."""

from __future__ import annotations

import re
from typing import Final

_COMMENT_SIGN: Final = re.compile(rb'[()"]|\\.', re.DOTALL)


def unquote(text: bytes, start: int, *, paths: bool = False) -> tuple[bytes, int]:
    """Inside of the quoted string that begins at ``start`` (after the quote), and where it is over.

    A string that never ends goes to the end of the text. With ``paths`` a backslash counts only
    before a quote or a backslash: clients write names of their file system unescaped.
    """
    end = text.find(b'"', start)
    if end < 0:
        end = len(text)
    escape = text.find(b"\\", start, end)
    if escape < 0:
        return text[start:end], min(end + 1, len(text))
    pieces: list[bytes] = []
    position = start
    while escape >= 0:
        following = text[escape + 1 : escape + 2]
        keep = paths and following not in (b'"', b"\\")
        pieces.append(text[position : escape + 1] if keep else text[position:escape])
        pieces.append(following)
        position = escape + 2
        if position > end:
            end = text.find(b'"', position)
            if end < 0:
                end = len(text)
        escape = text.find(b"\\", position, end)
    pieces.append(text[position:end])
    return b"".join(pieces), min(end + 1, len(text))


def strip_comments(value: bytes) -> bytes:
    """A value without its comments; quoted strings are kept.

    A comment that never ends takes the rest with it.
    """
    pieces: list[bytes] = []
    skip = depth = start = 0
    for sign in _COMMENT_SIGN.finditer(value):
        at = sign.start()
        if at < skip:
            continue
        char = sign.group()
        if char == b'"':
            if depth == 0:
                _, skip = unquote(value, at + 1)
        elif char == b"(":
            if depth == 0:
                pieces.append(value[start:at])
            depth += 1
        elif char == b")" and depth:
            depth -= 1
            if depth == 0:
                start = at + 1
    if depth == 0:
        pieces.append(value[start:])
    return b"".join(pieces)
