"""A text's language, as far as tokens need it: which rules its words are stemmed by.

This is not ``message.language``, which says what language a text is in. A token depends on the
answer here: it has to be Rspamd's, of Rspamd's stop words and its languages, and English where
nothing is known, or what was learnt before and elsewhere counts no more. There, another word list
may be taken any day, more languages and scripts are told apart, and what is not known is not said.
They share no table: the scripts, too, are counted otherwise (by words here, by letters there).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Final, NamedTuple

from filter_engine.statistics.stop_words import by_language

ENGLISH: Final = "en"
_LOOKED_AT: Final = 200
"""Words that are looked at."""
_LEAST: Final = 4
"""Stop words another language than English needs, besides more than English has."""
_SCRIPTS: Final = (
    ("ja", range(0x3040, 0x3100)),
    ("zh-CN", range(0x4E00, 0xA000)),
    ("ko", range(0xAC00, 0xD7A4)),
    ("ru", range(0x0400, 0x0500)),
    ("el", range(0x0370, 0x0400)),
    ("ar", range(0x0600, 0x0700)),
    ("he", range(0x0590, 0x0600)),
    ("th", range(0x0E00, 0x0E80)),
    ("hi", range(0x0900, 0x0980)),
)
_SHARE: Final = 0.3
"""Of the words that must be of a script."""
_NONE_OR_ENGLISH: Final = b"\x00\x01"
"""Words that are no stop words, and those of English: no other language has one of them."""
_TURKISH: Final = frozenset("\u0131\u011f\u015f")
"""Letters of which Turkish needs few to be told."""
_FEW: Final = 4
"""Words with them, or stop words, for which they do."""


def language_of(words: Sequence[str]) -> str:
    """The code of the language of a text's words; English where nothing else is likely."""
    some = words[:_LOOKED_AT]
    joined = " ".join(some)
    if not joined.isascii() and joined.encode("utf-8", "replace").translate(None, _no_script()):
        for code, signs in _SCRIPTS:
            # Compiled when met: few texts come here.
            in_script = re.compile(f"[{chr(signs[0])}-{chr(signs[-1])}]").search
            if in_script(joined) is None:
                continue
            if sum(1 for word in some if in_script(word)) > _SHARE * len(some):
                return code
    stops = _stops()
    kinds = bytes(map(stops.kinds.get, some, repeat(0)))
    foreign = kinds.translate(None, _NONE_OR_ENGLISH)
    english = kinds.count(1)
    # Most texts are English or have few words that say anything.
    if len(foreign) <= english + _LEAST and joined.isascii():
        return ENGLISH
    found: dict[str, int] = {}
    for kind, count in Counter(foreign).items():
        for code in stops.languages[kind]:
            found[code] = found.get(code, 0) + count
    if not joined.isascii():
        turkish = found.get("tr", 0)
        if not _TURKISH.isdisjoint(joined):
            turkish += sum(1 for word in some if not _TURKISH.isdisjoint(word))
        if turkish >= _FEW and turkish > english:
            return "tr"
    best = max(found, key=found.__getitem__, default=ENGLISH)
    return best if found.get(best, 0) > english + _LEAST else ENGLISH


@cache
def _no_script() -> bytes:
    """Octets of UTF-8 with which no sign of these scripts begins."""
    first = {chr(sign).encode()[0] for _, signs in _SCRIPTS for sign in signs}
    return bytes(octet for octet in range(256) if octet not in first)


def languages() -> frozenset[str]:
    """The codes that ``language_of`` may say."""
    return frozenset((ENGLISH, *by_language(), *(code for code, _ in _SCRIPTS)))


class _Stops(NamedTuple):
    """Stop words by the sets of languages that have them."""

    kinds: Mapping[str, int]
    """Word -> the number of its set, from 1."""
    languages: Sequence[tuple[str, ...]]
    """By that number."""


@cache
def _stops() -> _Stops:
    found: dict[str, tuple[str, ...]] = {}
    for code, stops in by_language().items():
        for word in stops:
            found[word] = (*found.get(word, ()), code)
    sets = {(): 0, (ENGLISH,): 1}
    for codes in found.values():
        sets.setdefault(codes, len(sets))
    return _Stops({word: sets[codes] for word, codes in found.items()}, tuple(sets))
