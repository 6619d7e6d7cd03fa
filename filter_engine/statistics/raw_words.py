"""Words of a text whose charset nobody knows, as Rspamd has them: octets between ASCII signs.

Rspamd tells the charset of unlabelled text that is no UTF-8 by samples of it: all of a short one,
three pieces of a long one. Where none of these has an octet above 127, it takes the text as it is:
words are not stemmed and stop words count. A line break is an empty word and takes the sign after
it along, a link is an empty word; from a link that begins a line on, neither is any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from filter_engine.message.charset import codec_name
from filter_engine.message.part import Part
from filter_engine.message.words import MAX_WORDS

_DEFAULT: Final = "default"
"""A label that some programs write; Rspamd takes it for one of UTF-8."""
_PIECE: Final = 512
_SHORT: Final = 3 * _PIECE
"""Octets from which a text is told by pieces."""
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_BREAK: Final = re.compile(r"[\r\n][ \r\n]*")
_WORD: Final = re.compile(r"[A-Za-z0-9'!@\udc80-\udcff]+")
_UPPER: Final = str.maketrans({chr(sign): chr(sign + 32) for sign in range(65, 91)})


class Found(NamedTuple):
    """The words in order: as they count, as they are written, and where each ends in octets."""

    words: list[str]
    """In ASCII lower case; octets above 127 are surrogate escapes."""
    written: list[tuple[str, int]]
    """Of breaks and links, an empty one."""
    text: str


def is_raw(part: Part) -> bool:
    """Whether a text has no charset that is stated, known, or to be told by samples."""
    if part.charset and (part.charset == _DEFAULT or codec_name(part.charset) is not None):
        return False
    content = part.content
    size = len(content)
    if size < _SHORT or content.isascii():
        return False
    if any(_NOT_ASCII.search(content, at, at + _PIECE) for at in (0, size // 2, size - _PIECE)):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def raw_words(text: str, spans: Sequence[range]) -> Found:
    """The words of a text that was decoded as windows-1252; ``spans`` are links in it."""
    octets = _octets(text)
    words: list[str] = []
    written: list[tuple[str, int]] = []
    for word, end in _pieces(octets, spans):
        if len(words) >= MAX_WORDS:
            break
        words.append(word.translate(_UPPER))
        written.append((word, end))
    return Found(words, written, octets)


def _pieces(octets: str, spans: Sequence[range]) -> Iterator[tuple[str, int]]:
    end = len(octets.rstrip())
    breaks = (range(found.end(), found.end() + 1) for found in _BREAK.finditer(octets, 0, end))
    begin = 0
    for span in sorted([*spans, *breaks], key=lambda span: (span.start, -span.stop)):
        if span.start < begin:
            break
        yield from _between(octets, begin, span.start)
        yield "", span.stop
        begin = span.stop
    yield from _between(octets, begin, end)


def _between(octets: str, begin: int, end: int) -> Iterator[tuple[str, int]]:
    for found in _WORD.finditer(octets, begin, end):
        yield found.group(), found.end()


def _octets(text: str) -> str:
    """A text with one character for each octet, so that places stay what they are."""
    try:
        return text.encode("cp1252").decode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("latin-1", "replace").decode("ascii", "surrogateescape")
