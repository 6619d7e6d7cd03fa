"""The language of a text, from its commonest words, its letters and its script.

No statistics of all words: a few hundred words and letters are looked at, which tells the
languages of mail apart as soon as there are some sentences. A model of n-grams knows more
languages and needs fifty times the memory; nothing here is loaded until somebody asks. Tokens are
made with another detector (``statistics.language`` says why).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from filter_engine.message.language_words import COMMON_WORDS, LETTERS, SCRIPTS

if TYPE_CHECKING:
    from filter_engine.message.message import Message

_MAX_WORDS: Final = 500
_MAX_PARTS: Final = 20
_LEAST_WORDS: Final = 3
"""Of fewer words nothing is said, unless their script tells."""
_LEAST_SHARE: Final = 0.05
"""What the common words and letters of a language have to make of the words, in all."""
_LETTER: Final = 0.3
"""What a word with a telling letter counts, next to a common word."""
_OF_SCRIPT: Final = 0.2
"""Share of the letters from which a script decides."""
_LOST_AGAINST: Final = {"zh": "ja", "ar": "fa"}
"""Scripts that others use too: some letters of those are enough."""


def language_of(words: Sequence[str]) -> str:
    """The code (ISO 639-1) of the language of a text by its words in lower case.

    Empty where it cannot be told.
    """
    read = words[:_MAX_WORDS]
    found = _by_script("".join(read))
    if found:
        return found
    if len(read) < _LEAST_WORDS:
        return ""
    common, telling = _tables()
    votes: dict[str, float] = {}
    for word in read:
        for language, weight in common.get(word, ()):
            votes[language] = votes.get(language, 0.0) + weight
        if not word.isascii():
            letters = {language for sign in {*word} for language in telling.get(sign, ())}
            for language in letters:
                votes[language] = votes.get(language, 0.0) + _LETTER / len(letters) + 0.1
    if not votes:
        return ""
    best, value = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    return best if value >= max(1.0, _LEAST_SHARE * len(read)) else ""


def languages_of(message: Message) -> list[str]:
    """The languages of a message's text parts, each once, those that can be told."""
    found = (language_of(message.words_of(part)) for part in message.text_parts[:_MAX_PARTS])
    return [language for language in dict.fromkeys(found) if language]


@cache
def _tables() -> tuple[dict[str, list[tuple[str, float]]], dict[str, list[str]]]:
    """Word -> languages with what it counts for each; letter -> languages.

    A word that many languages have says less of each.
    """
    languages: dict[str, list[str]] = {}
    for language, words in COMMON_WORDS.items():
        for word in dict.fromkeys(words.split()):
            languages.setdefault(word, []).append(language)
    common = {
        word: [(language, 0.4 + 0.6 / len(named)) for language in named]
        for word, named in languages.items()
    }
    letters: dict[str, list[str]] = {}
    for language, signs in LETTERS.items():
        for sign in {*signs}:
            letters.setdefault(sign, []).append(language)
    return common, letters


@cache
def _script_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(f"[{letters}]"), language) for letters, language in SCRIPTS)


def _by_script(text: str) -> str:
    if text.isascii() or not text:
        return ""
    counts = Counter[str]()
    for pattern, language in _script_patterns():
        counts[language] += len(pattern.findall(text))
    best, number = counts.most_common(1)[0]
    if number < _OF_SCRIPT * len(text):
        return ""
    other = _LOST_AGAINST.get(best, "")
    return other if other and counts[other] * 20 >= number else best
