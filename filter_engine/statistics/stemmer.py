"""Snowball's stemmers by the code of a language, those that Rspamd has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_ALGORITHMS: Final = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}


def stemmer(language: str) -> Callable[[str], str] | None:
    """The stemmer of a language, which is not for two threads at a time; None without rules."""
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None:
        return None
    import Stemmer  # loaded only where there are statistics

    made = Stemmer.Stemmer(algorithm)
    made.maxCacheSize = 0  # what is known is remembered here
    stem: Callable[[str], str] = made.stemWord
    return stem
