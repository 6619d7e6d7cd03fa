"""Words that are left out of tokens, whatever the language of a mail."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from filter_engine.statistics.stemmer import stemmer

_FILE = Path(__file__).with_name("stop_words.txt")


@cache
def by_language() -> Mapping[str, frozenset[str]]:
    """Stop words as they are written, by the code of their language."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {language: frozenset(words) for language, *words in rows}


@cache
def stop_words() -> frozenset[str]:
    """The stems of all of them, each by the rules of its own language."""
    found: set[str] = set()
    for language, words in by_language().items():
        stem = stemmer(language)
        found.update(map(stem, words) if stem else words)
    return frozenset(found)
