"""From a word to its stem's hash, remembered: a message's words are mostly those of others."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

import xxhash

from filter_engine.statistics.stemmer import stemmer
from filter_engine.statistics.stop_words import stop_words

SEED: Final = 0xDEADBABE
"""Of the hash of words (XXH64), as in Rspamd."""
_KEPT: Final = 20_000
"""Words that are remembered for a language."""


class Stems(dict[str, int]):
    """The hashes of the stems of one language's words; 0 stands for a stop word."""

    def __init__(self, language: str) -> None:
        self._stem = stemmer(language)
        self._stops = stop_words()

    def hashes(self, words: Iterable[str]) -> list[int]:
        """A hash for each word, 0 for a stop word."""
        if len(self) > _KEPT:
            self.clear()
        return list(map(self.__getitem__, words))

    def __missing__(self, word: str) -> int:
        found = self[word] = self._hash(word)
        return found

    def _hash(self, word: str) -> int:
        if not word:
            return word_hash(word)
        stem = self._stem(word) if self._stem else word
        return 0 if stem in self._stops else word_hash(stem or word)


@cache
def stems_of(language: str) -> Stems:
    """The stems of a language by its code; of one without rules, the words themselves."""
    return Stems(language)


def word_hash(word: str) -> int:
    """The hash of a word as it is."""
    return xxhash.xxh64_intdigest(word.encode("utf-8", "surrogateescape"), SEED)
