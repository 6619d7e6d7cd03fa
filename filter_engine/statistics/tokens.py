"""A message as tokens: what is learnt, and what is looked up."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from filter_engine.config.base32 import encode_base32
from filter_engine.message import Message
from filter_engine.message.part import Part
from filter_engine.statistics import osb
from filter_engine.statistics.bayes import META
from filter_engine.statistics.language import ENGLISH, language_of
from filter_engine.statistics.meta import meta_words
from filter_engine.statistics.stems import word_hash
from filter_engine.statistics.texts import texts_of
from filter_engine.statistics.words import header_words, part_text, text_words

WORDS_DECAY = 600
"""Words of a text from which on some are left out."""
_ALIKE = 0.2
"""Share of words by which two texts of a mail may differ in length and count as one."""


_META: Final = bytes(min(distance + META, 255) for distance in range(256))


class Tokens(NamedTuple):
    """The tokens of a message in order, those of its text first."""

    values: array[int]
    """Numbers of 64 bits."""
    kinds: bytes
    """How far apart the words of each are (1 to 4); 4 more for those of meta words."""
    text: int
    """How many are of texts and subject; the rest are of meta words."""
    language: str = ""
    """Of the first text that is not English; empty without one."""

    @property
    def packed(self) -> bytes:
        """The values in decimal, as they stand in keys, in the way lists are written."""
        return orjson.dumps(self.values.tolist())

    def digest(self, user: str = "") -> bytes:
        """By what a message is known again once it was learnt (by ``user``)."""
        found = hashlib.blake2b(user.encode("utf-8", "replace"))
        found.update(self.values)
        return encode_base32(found.digest()).encode()


def tokens_of(
    message: Message, policies: Sequence[str] = (), words_decay: int = WORDS_DECAY
) -> Tokens:
    """The tokens of a message; ``policies`` as ``meta_words`` takes them."""
    values = array("Q")
    distances: list[bytes] = []
    texts = texts_of(message)
    split = [part_text(message, part) for part in texts]
    languages = [ENGLISH if text.raw else language_of(text.words) for text in split]
    alike = len(texts) == 2 and _alike(message, texts)
    for text, language in zip(split[:1] if alike else split, languages, strict=False):
        words = text_words(text, language, words_decay)
        found, apart = osb.tokens(words.hashes, words.links)
        values += found
        distances.append(apart)
    header = header_words(message, languages[0] if languages else "en")
    found, apart = osb.tokens(header.hashes)
    values += found
    distances.append(apart)
    count = sum(map(len, distances))
    meta = [word_hash(word) for word in meta_words(message, texts, languages, policies) if word]
    found, apart = osb.tokens(meta)
    values += found
    other = next((language for language in languages if language != ENGLISH), "")
    return Tokens(values, b"".join((*distances, apart.translate(_META))), count, other)


def _alike(message: Message, texts: Sequence[Part]) -> bool:
    """Both are taken to say the same, as text and HTML of one mail do: the second is left out.

    That is so where they have about as many words: Rspamd's distance of two texts counts words
    that are left over, not words that differ.
    """
    around = texts[0].parent
    if around is None or around.content_type != "multipart/alternative":
        return False
    one, other = (len(message.words_of(part)) for part in texts)
    return abs(one - other) < _ALIKE * (one + other)
