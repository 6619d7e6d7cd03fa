"""What patterns cost in the worst case: those that ``regex`` runs are tried on hostile text."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Final

from filter_engine.lazy_dataclass import mutable
from filter_engine.matching.pattern import Flags, Pattern

SUBJECT_SIZE: Final = 4096
"""Characters of a hostile text."""
SLOW: Final = 20.0
"""Milliseconds on such a text from which a pattern is told about."""
BUDGET: Final = 2.0
"""Seconds for measuring one set of patterns."""
_TIME_LIMIT: Final = 0.1
"""Seconds a pattern may take on one text."""
_FIXED: Final = ("a", " ", "1", "<", "a ", "a.", "aA1 ", "a\n", "=", "<a ")
_WORD: Final = re.compile(r"\w+")
_SIGNS: Final = re.compile(r"\\.|[()\[\]{}?*+|^$.\d,]")


@mutable
class Costs:
    """What measuring some patterns found."""

    slow: dict[int, float] = field(default_factory=dict)
    """Position of each that takes ``SLOW`` or more: milliseconds on the worst text."""
    unmeasured: int = 0
    """Patterns for which there was no time."""


def measure(patterns: Iterable[tuple[int, Pattern]]) -> Costs:
    """The slow ones among patterns with their positions, as far as ``BUDGET`` reaches."""
    costs = Costs()
    deadline = time.perf_counter() + BUDGET
    for position, pattern in patterns:
        if time.perf_counter() >= deadline:
            costs.unmeasured += 1
            continue
        worst = worst_time(pattern, deadline)
        if worst >= SLOW:
            costs.slow[position] = round(worst, 1)
    return costs


def worst_time(pattern: Pattern, deadline: float = math.inf) -> float:
    """Milliseconds the pattern needs for the worst of some texts that nearly match.

    What others do on the machine meanwhile does not count. Texts are tried until ``deadline``, by
    ``time.perf_counter``.
    """
    worst = 0.0
    for text in _hostile(pattern.text):
        subject = text if pattern.flags & Flags.UTF8 else text.encode()
        if time.perf_counter() >= deadline:
            break
        began = time.thread_time()
        try:
            pattern.regex.search(subject, timeout=_TIME_LIMIT)
        except TimeoutError:
            return _TIME_LIMIT * 1000
        worst = max(worst, (time.thread_time() - began) * 1000)
    return worst


def _hostile(pattern: str) -> Iterator[str]:
    """Much of the same: fixed signs, and what the pattern itself is made of."""
    own = _SIGNS.sub("", pattern)[:64]
    words = _WORD.findall(own)[:3]
    for unit in dict.fromkeys((*_FIXED, own, *words)):
        if unit:
            same = (unit * (SUBJECT_SIZE // len(unit) + 1))[:SUBJECT_SIZE]
            yield same
            yield f"{same}\x01"  # nearly matches, and fails at the end
