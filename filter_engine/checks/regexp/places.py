"""The texts of a message that a pattern may look at, named as Rspamd names them.

Source: Rspamd's documentation of the regexp module; what it leaves open was observed on Rspamd 3.4:
an empty header never matches, ``raw_header`` is unfolded, ``sa_body`` has one text a part with
blanks made one, the subject is a text of its own there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from filter_engine.message.charset import decode_bytes, decode_unlabelled
from filter_engine.message.header import HeaderField
from filter_engine.message.limits import MAX_TEXT
from filter_engine.message.message import Message
from filter_engine.message.part import Part

MAX_WORDS: Final = 2000
"""Distinct words of a message that patterns for words look at."""
_MAX_KEPT_WORD: Final = 64
"""Characters of a word whose stem is kept."""
_WORD: Final = re.compile(r"\w+(?:['\u2019]\w+)*")


class Kind(StrEnum):
    """What kind of text; the value is the long name in ``/re/{name}``."""

    HEADER = "header"
    RAW_HEADER = "raw_header"
    MIME_HEADER = "mime_header"
    ALL_HEADER = "all_header"
    BODY = "body"
    MIME = "mime"
    RAW_MIME = "raw_mime"
    SA_BODY = "sa_body"
    SA_RAW_BODY = "sa_raw_body"
    URL = "url"
    WORDS = "words"
    RAW_WORDS = "raw_words"
    STEM_WORDS = "stem_words"
    SELECTOR = "selector"

    __hash__ = str.__hash__  # that of an enumeration runs Python, ten times a place and mail

    @property
    def named(self) -> bool:
        """Whether it needs a name in front: a header's or a selector's."""
        return self in _NAMED


_NAMED: Final = frozenset({Kind.HEADER, Kind.RAW_HEADER, Kind.MIME_HEADER, Kind.SELECTOR})
LETTERS: Final = {
    "H": Kind.HEADER,
    "X": Kind.RAW_HEADER,
    "B": Kind.MIME_HEADER,
    "R": Kind.ALL_HEADER,
    "M": Kind.BODY,
    "P": Kind.MIME,
    "Q": Kind.RAW_MIME,
    "C": Kind.SA_BODY,
    "D": Kind.SA_RAW_BODY,
    "U": Kind.URL,
    "$": Kind.SELECTOR,
}
"""Kinds by the letter behind the pattern."""
SPELLINGS: Final = {
    **{kind.value: kind for kind in Kind},
    "mimeheader": Kind.MIME_HEADER,
    "rawheader": Kind.RAW_HEADER,
    "allheader": Kind.ALL_HEADER,
    "rawmime": Kind.RAW_MIME,
    "part": Kind.MIME,
    "raw_part": Kind.RAW_MIME,
    "sabody": Kind.SA_BODY,
    "sarawbody": Kind.SA_RAW_BODY,
    "message": Kind.BODY,
}
"""Kinds by the name in braces, older spellings too."""


class Place(NamedTuple):
    """Where a pattern looks. A tuple: it is a key that is looked up for every text of a mail."""

    kind: Kind
    name: str = ""
    """Of the header in lower case (as written when ``strict``), or of the selector."""
    strict: bool = False
    """The header's name has to be spelled as written."""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".rstrip()


Selector = Callable[[str], Iterable[str]]


class Texts:
    """The texts of one message by their place, each made once, as octets in UTF-8."""

    __slots__ = ("_limit", "_made", "_message", "_selector")

    def __init__(
        self, message: Message, *, limit: int = 0, selector: Selector | None = None
    ) -> None:
        self._message = message
        self._limit = limit or None
        self._selector = selector
        self._made: dict[Place, Sequence[bytes]] = {}

    def of(self, place: Place) -> Sequence[bytes]:
        """The texts at a place, in order; each at most ``limit`` octets."""
        found = self._made.get(place)
        if found is None:
            limit = self._limit
            texts = self._read(place)
            found = self._made[place] = texts if limit is None else [text[:limit] for text in texts]
        return found

    def _read(self, place: Place) -> Sequence[bytes]:
        message, kind = self._message, place.kind
        if kind is Kind.HEADER or kind is Kind.RAW_HEADER:
            return self._header(place)
        if kind is Kind.MIME_HEADER:
            wanted = place.name.lower()
            return [
                field.value.encode("utf-8", "replace")
                for part in message.parts[1:]
                for field in part.headers
                if field.key == wanted and field.value
            ]
        if kind is Kind.ALL_HEADER:
            return [message.header_block]
        if kind is Kind.BODY:
            return [message.raw]
        if kind is Kind.RAW_MIME:
            return [part.raw_content for part in text_parts(message)]
        if kind is Kind.URL:
            return [_encoded(unquote(u.text) if "%" in u.text else u.text) for u in message.urls]
        if kind is Kind.SELECTOR:
            return [_encoded(text) for text in self._selector(place.name)] if self._selector else []
        if kind in (Kind.WORDS, Kind.RAW_WORDS, Kind.STEM_WORDS):
            return _words(message, kind)
        return self._texts(kind)

    def _header(self, place: Place) -> Sequence[bytes]:
        fields: Iterable[HeaderField] = self._message.get_all(place.name)
        if place.strict:
            fields = [field for field in fields if field.name == place.name]
        found: list[bytes] = []
        is_raw = place.kind is Kind.RAW_HEADER
        for field in fields:
            text = field.unfolded if is_raw else field.value.encode("utf-8", "replace")
            if text:
                found.append(text)
        return found

    def _texts(self, kind: Kind) -> Sequence[bytes]:
        message = self._message
        found: list[bytes] = []
        if kind is Kind.SA_BODY and (subject := message.subject):
            found.append(_encoded(subject))
        for part in text_parts(message):
            text = text_of(part, message)
            if kind is not Kind.SA_RAW_BODY and part.is_html:
                text = part.visible_text
            if kind is Kind.SA_BODY:
                text = " ".join(text.split())
            elif kind is Kind.MIME and text.endswith(("\r", "\n")):
                text = text.rstrip("\r\n")
            if text:
                found.append(_encoded(text))
        return found


def text_parts(message: Message) -> list[Part]:
    """The parts whose text is looked at: those to be read, and text files that are attached."""
    return [part for part in message.parts if part.is_text or part.maintype == "text"]


def text_of(part: Part, message: Message) -> str:
    """The text of such a part in its charset."""
    if part.is_text:
        return part.text
    data = part.content[:MAX_TEXT]
    charset = part.charset
    return decode_bytes(data, charset, message.note) if charset else decode_unlabelled(data)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _words(message: Message, kind: Kind) -> Sequence[bytes]:
    """The distinct words of subject, senders' names and texts."""
    found: dict[str, None] = {}
    for words in _lists_of_words(message, kind):
        for word in words:
            found[word] = None
            if len(found) >= MAX_WORDS:
                break
    if kind is Kind.STEM_WORDS:
        found = dict.fromkeys(map(_stem, found))
    return [_encoded(word) for word in found]


def _lists_of_words(message: Message, kind: Kind) -> Iterator[Iterable[str]]:
    if kind is not Kind.RAW_WORDS:
        yield message.header_words
        yield from (message.words_of(part) for part in message.text_parts)
        return
    names = (address.display or "" for address in message.from_addresses)
    texts = (part.visible_text[:MAX_TEXT] for part in message.text_parts)
    for text in (message.subject or "", *names, *texts):
        yield (match.group() for match in _WORD.finditer(text))


def _stem(word: str) -> str:
    """The stem; that of a word of no language is made anew each time."""
    return (_kept_stem if len(word) <= _MAX_KEPT_WORD else _stemmed)(word)


def _stemmed(word: str) -> str:
    stemmed: str = _stemmer().stemWord(word)
    return stemmed


_kept_stem = lru_cache(maxsize=8192)(_stemmed)


@cache
def _stemmer() -> Any:
    import snowballstemmer  # loaded only where a rule asks for stems

    return snowballstemmer.stemmer("english")
