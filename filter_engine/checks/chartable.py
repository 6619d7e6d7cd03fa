"""Words of mixed scripts, which honest people do not write (module chartable)."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, Final

from filter_engine.checks.confusables import can_alias_latin, is_latin
from filter_engine.config.kinds import INTEGER, NUMBER
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_MOST: Final = 4.0
"""A single word counts no more."""
_HEADER_MOST: Final = 0.25
"""The header alone counts no more."""
_USED: Final = 0.005
"""Share of a text's letters from which marks on letters belong to its language."""
_ASCII_LETTERS: Final = string.ascii_letters.encode()
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]+")
_MARKED: Final = re.compile("[\x80-\u024f]+")
"""Where letters with marks stand in Unicode."""
_MAX_KEPT: Final = 16
"""Characters of a word of which it is kept how mixed it is."""


@options_class
class ChartableOptions(Section):
    """When words of mixed scripts count."""

    threshold: float = option(NUMBER, 0.1, doc="mixed signs a word from which they count")
    max_word_len: int = option(INTEGER, 10, unit="characters", doc="longer words are passed over")
    anchor: ClassVar[str] = "modules/chartable"
    known: ClassVar[Mapping[str, Option]] = unserved("chartable")


@check(
    "chartable",
    options=ChartableOptions,
    symbols=(Symbol("R_MIXED_CHARSET", 5.0, "Words of mixed scripts", _HEADERS, True),),
)
def chartable(task: Task) -> list[Finding]:
    """How mixed the words of each text are, and those of the subject and the sender's name."""
    options = task.options(ChartableOptions)
    message = task.message
    found: list[Finding] = []
    for part in message.text_parts:
        if part.text.isascii():
            continue
        words = message.words_of(part)
        if not words:
            continue
        marked = _uses_marks(part.visible_text)
        score, worst = _badness(words, options.max_word_len, count_marks=not marked)
        score = min(1.0, score / len(words))
        if score > options.threshold:
            evidence = f"part {part.index}: {worst}"
            found.append(Finding("R_MIXED_CHARSET", (), score, evidence))
    words = message.header_words
    if not "".join(words).isascii():
        marked = any(_uses_marks(part.visible_text) for part in message.text_parts)
        score, worst = _badness(words, options.max_word_len, count_marks=not marked)
        score = min(1.0, score / len(words))
        if score > options.threshold:
            if not found:
                score = min(_HEADER_MOST, score)
            evidence = f"Subject and From: {worst}"
            found.append(Finding("R_MIXED_CHARSET", ("subject",), score, evidence))
    return found


def _uses_marks(text: str) -> bool:
    """Whether the language of a text writes letters with marks (é, ü)."""
    if text.isascii():
        return False
    # Signs of ASCII are counted as octets: ten times as fast as asking each.
    ascii_text = text.encode("ascii", "ignore")
    letters = len(ascii_text) - len(ascii_text.translate(None, _ASCII_LETTERS))
    others = "".join(_NOT_ASCII.findall(text))
    letters += sum(map(str.isalpha, others))
    marked = sum(map(str.isalpha, "".join(_MARKED.findall(others))))
    return marked > _USED * letters


def _badness(words: Sequence[str], longest: int, *, count_marks: bool) -> tuple[float, str]:
    """The sum over all words, and the worst of them."""
    total = most = 0.0
    worst = ""
    for word in words:
        if word.isalpha() and word.isascii():
            continue
        if len(word) > longest:
            continue
        bad = (_kept if len(word) <= _MAX_KEPT else word_badness)(word, count_marks)
        total += bad
        if bad > most:
            most, worst = bad, word
    return total, worst


def word_badness(word: str, count_marks: bool) -> float:
    """How mixed one word is, 0 to 4.

    A letter of another script that looks Latin after Latin ones, the more the fewer of these are
    before it; letters of another script right after digits; marks on letters.
    """
    bad = 0.0
    kind = before = ""
    run = 0
    latin = True
    marks = 0
    for sign in word:
        if ("\x80" <= sign < "\u0250") or unicodedata.category(sign) == "Mn":
            marks += 1
        if sign.isalpha():
            basic = is_latin(sign)
            if kind == "digit":
                if not basic and before:
                    bad += 0.25
            elif kind == "letter":
                if run == 0:
                    latin, run = basic, 1
                elif not basic and latin:
                    bad += 1 / run if can_alias_latin(sign) else 0.0
                    latin, run = False, 1
                else:
                    run += 1
            before, kind = kind, "letter"
        else:
            now = "digit" if sign.isdigit() else "other"
            if kind != now:
                before = kind
            kind, run = now, 0
    if marks:
        bad += marks if count_marks else (marks - 1) / 2
    return min(_MOST, bad)


_kept = lru_cache(maxsize=1024)(word_badness)
