"""The first words of a long text as they are written: what its decay is told by, and its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from filter_engine.message.words import find_words, joints, with_blanks

# No blanks part the words of Chinese and Japanese: each ideograph is one, and each run of kana.
IDEOGRAPHIC: Final = re.compile(
    "[\u3040-\u309f]+|[\u30a0-\u30ff]+|[\u3400-\u9fff]|[^\u3040-\u30ff\u3400-\u9fff]+"
)
LONG: Final = 8
"""Octets from which on a word tells decay."""
_LIKELY: Final = 9
"""Characters of a text for each word."""
_AFTER_AT: Final = re.compile(r"@(?<![\w@]@)[\w@]*", re.ASCII)
_APOSTROPHE: Final = re.compile(r"'(?:(?<=[A-Za-z]')(?=[A-Za-z])|(?<=\d')(?=\d))", re.ASCII)
_WORD: Final = re.compile(r"[\w@]", re.ASCII)
_JOINTS: Final = {ord("'"): 1, ord("."): 2, ord(","): 3, ord(";"): 4}
"""Signs that part no word, while all others of their kind become blanks."""
_RESERVED: Final = tuple(map(chr, _JOINTS.values()))
_SIGNS: Final = bytes(
    b" '.,;"[sign] if sign < 5 else sign if chr(sign).isalnum() or chr(sign) in "_@$" else 32
    for sign in range(128)
).ljust(256)


class Start(NamedTuple):
    """A text until the word at which decay begins."""

    number: int
    """Of that word, from 0; links count."""
    place: int
    """Where it ends."""
    long: list[bytes]
    """Words of ``LONG`` octets and more until there, that one included, without links."""


def start_of(
    text: str, spans: Sequence[range], words: int, raw: Sequence[tuple[str, int]] = ()
) -> Start:
    """The words of ``text`` until the first after ``words`` that is no link (or until its end).

    ``spans`` are links; ``raw`` are words and where each ends, in a text of unknown charset.
    """
    if not raw and text.isascii():
        found = _ascii_start(text, spans, words)
        if found is not None:
            return found
    long: list[bytes] = []
    place = number = 0
    for number, (word, end) in enumerate(raw or _written(text, spans)):
        if word:
            long.append(word.encode("utf-8", "surrogateescape"))
        place = end
        if number > words and word:
            break
    return Start(number, place, [word for word in long if len(word) >= LONG])


def _ascii_start(text: str, spans: Sequence[range], words: int) -> Start | None:
    """The same for most texts, a sixth of the cost; None for one with odd signs, or too short."""
    if any(map(text.__contains__, _RESERVED)):
        return None
    long: list[bytes] = []
    count = end = 0
    for span in (*spans, range(len(text), len(text))):
        if span.start < end:
            continue
        wanted = max(words + 2 - count, 1)
        if end and _WORD.match(text, end):
            return None  # a word that begins where a link ends
        # No more is looked at than is likely to be wanted.
        likely = min(end + _LIKELY * wanted, span.start)
        piece = _separated(text[end:likely])
        found = piece.split(None, wanted)
        if likely < span.start and len(found) <= wanted:
            piece = _separated(text[end : span.start])
            found = piece.split(None, wanted)
        long += [word for word in found[:wanted] if len(word) >= LONG]
        if len(found) >= wanted:
            stop = len(piece) - sum(map(len, found[wanted:]))
            stop = len(piece[:stop].rstrip())
            added = 2 * piece.count(b"$", 0, stop) - (piece[stop - 1 : stop] == b"$")
            return Start(count + wanted - 1, end + stop - added, long)
        count += len(found) + 1
        end = span.stop
    return None


def _separated(text: str) -> bytes:
    """ASCII text with blanks for all that parts words; each dollar has one before and after it."""
    if "@" in text:
        text = _AFTER_AT.sub(_blank, text)
    if "'" in text:
        text = _APOSTROPHE.sub("\x01", text)
    marked = bytearray(text, "ascii")
    for at in joints(marked):
        marked[at] = _JOINTS[marked[at]]
    plain = bytes(marked.translate(_SIGNS))
    return plain.replace(b"$", b" $ ") if b"$" in plain else plain


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _written(text: str, spans: Sequence[range]) -> Iterator[tuple[str, int]]:
    """Words as they are written, links as empty ones, and where each ends."""
    text = with_blanks(text)
    end = 0
    for span in spans:
        if span.start < end:
            continue
        yield from _written_between(text, end, span.start)
        yield "", span.stop
        end = span.stop
    yield from _written_between(text, end, len(text))


def _written_between(text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    for found in find_words(text, start, end):
        word = found.group()
        if word.isascii():
            yield word, found.end()
        else:
            for piece in IDEOGRAPHIC.finditer(word):
                yield piece.group(), found.start() + piece.end()
