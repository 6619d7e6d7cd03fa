"""Which fuzzy hashes a message has: shingles of texts, digests of short texts and attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from itertools import compress
from typing import Final, NamedTuple

from filter_engine.fuzzy.shingles import Hashing
from filter_engine.lazy_dataclass import frozen
from filter_engine.message import Message
from filter_engine.message.image_size import image_size
from filter_engine.message.part import Part
from filter_engine.statistics.language import language_of
from filter_engine.statistics.stemmer import stemmer
from filter_engine.statistics.tokens import WORDS_DECAY
from filter_engine.statistics.words import Text, drop_by_decay, part_text

MAX_HASHES: Final = 32
"""Of one message and one rule."""
LEAST_WORDS: Final = 32
"""Texts with fewer words never have shingles."""
_LINE_END: Final = re.compile(r"[\r\n]+ *")


class Kind(Enum):
    """What a hash is of; the value is the word in a symbol's option."""

    TEXT = "txt"
    DATA = "bin"
    IMAGE = "img"


@frozen
class Policy:
    """What a rule compares; the defaults are those of Rspamd 3.4."""

    min_bytes: int = 1024
    min_height: int = 500
    min_width: int = 500
    min_length: int = 64
    """Words."""
    text_multiplier: float = 4.0
    mime_types: re.Pattern[str] | None = None
    """Types of attachments, in lower case, that are compared; None: none."""
    scan_archives: bool = True
    short_text_direct_hash: bool = True
    text_shingles: bool = True
    skip_images: bool = False
    no_subject: bool = False


class PartHash(NamedTuple):
    """A hash of one part."""

    kind: Kind
    digest: bytes
    shingles: tuple[int, ...]
    part: int
    """The part's index."""
    size: int
    """Octets of the part."""


class Texts:
    """The texts of one message, split once for all rules."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self._split: dict[int, tuple[int, list[str]]] = {}

    def words(self, part: Part) -> tuple[int, list[str]]:
        """How many words a text has, links included, and the stems of those that count."""
        found = self._split.get(part.index)
        if found is None:
            text = part_text(self.message, part)
            found = self._split[part.index] = (len(text.words), _stems(text))
        return found


def _stems(text: Text) -> list[str]:
    marks = [0 if link else 1 for link in text.links] or [1] * len(text.words)
    if len(marks) > WORDS_DECAY + 1:
        drop_by_decay(marks, text, WORDS_DECAY)
    words = list(compress(text.words, marks))
    if text.raw:
        return _octet_words(words, text)
    stem = stemmer(language_of(text.words))
    return list(map(stem, words)) if stem else words


def _octet_words(words: list[str], text: Text) -> list[str]:
    """Of a text of no known charset, which is of no language: its words as they are.

    Breaks and links are empty words. Rspamd loses the first sign where a word begins the text.
    """
    first, end = text.raw[0]
    if first and end == len(first):
        words[0] = words[0][1:]
    return list(filter(None, words))


def hashes_of(texts: Texts, policy: Policy, hashing: Hashing) -> list[PartHash]:
    """The hashes of a message under a rule's policy, each digest once, at most ``MAX_HASHES``."""
    found: dict[bytes, PartHash] = {}
    for part in texts.message.parts:
        if part.is_multipart or part.is_message:
            continue
        made = _hash(texts, part, policy, hashing)
        if made is not None:
            found.setdefault(made.digest, made)
            if len(found) >= MAX_HASHES:
                break
    return list(found.values())


def _hash(texts: Texts, part: Part, policy: Policy, hashing: Hashing) -> PartHash | None:
    if part.is_text:
        return _of_text(texts, part, policy, hashing)
    content = part.content
    detected = part.file_type
    if detected is not None and detected.kind == "image":
        if policy.skip_images or _is_small(content, policy):
            return None
        kind = Kind.IMAGE
    elif detected is not None and detected.kind == "archive" and policy.scan_archives:
        return PartHash(Kind.DATA, _data_digest(content), (), part.index, len(content))
    elif part.is_attachment or part.is_text_file:
        if not _is_named(part, policy):
            return None
        kind = Kind.DATA
    else:
        return None
    if not content or len(content) < policy.min_bytes:
        return None
    return PartHash(kind, _data_digest(content), (), part.index, len(content))


def _data_digest(content: bytes) -> bytes:
    """Of what is no text: the key of the rule does not count."""
    return _plain().digest(content)


@cache
def _plain() -> Hashing:
    return Hashing()


def _is_small(content: bytes, policy: Policy) -> bool:
    width, height = image_size(content)
    if not width or not height:
        return False  # nobody knows
    return height < policy.min_height or width < policy.min_width


def _is_named(part: Part, policy: Policy) -> bool:
    wanted = policy.mime_types
    if wanted is None:
        return False
    if wanted.fullmatch(part.content_type):
        return True
    detected = part.file_type
    return detected is not None and wanted.fullmatch(detected.content_type) is not None


def _of_text(texts: Texts, part: Part, policy: Policy, hashing: Hashing) -> PartHash | None:
    content = part.content
    if not content:
        return None
    count, stems = texts.words(part)
    if policy.text_shingles and count >= max(policy.min_length, LEAST_WORDS):
        if not stems:
            return None
        digest = hashing.text_digest(stems)
        return PartHash(Kind.TEXT, digest, hashing.shingles(stems), part.index, len(content))
    if policy.text_shingles and not policy.short_text_direct_hash:
        return None
    line = _LINE_END.sub(" ", part.visible_text)
    if not policy.no_subject:
        line += texts.message.subject or ""
    data = line.encode("utf-8", "surrogateescape")
    if policy.min_bytes > len(data) * (policy.text_multiplier or 1.0):
        return None
    return PartHash(Kind.DATA, hashing.digest(data), (), part.index, len(content))


def digests_of(hashes: list[PartHash]) -> Iterator[str]:
    """As people and Rspamd's controller write them."""
    return (made.digest.hex() for made in hashes)
