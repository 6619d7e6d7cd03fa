"""How likely a message is spam, by the counts of its tokens.

Robinson's and Fisher's method ("A statistical approach to the spam problem", 2003) with weights by
the distance of a token's words (OSB). Constants, limits and the order of steps follow Rspamd, so
that the same counts give the same probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, repeat
from math import exp, inf, isfinite, log
from operator import mul, truediv
from typing import Final, NamedTuple

WEIGHTS: Final = (0.0, 3125.0, 256.0, 27.0, 1.0)
"""By distance."""
META: Final = len(WEIGHTS) - 1
"""What the kind of a token of meta words is above its distance; a text's is its distance."""
_NAIVE: Final = -300.0
"""Below this sum of logarithms the chi-squared sum has no digits left."""
_UNSURE: Final = 0.05
"""Distance from one half in which nothing is said."""


class Counts(NamedTuple):
    """What a store knows of a message's tokens."""

    learnt_spam: int
    learnt_ham: int
    """Messages learnt of each class."""
    known: Sequence[tuple[int, int, int, int]] = ()
    """Of tokens that were seen before: their kind, how often each was seen in spam and in ham, and
    how many they are."""


class Limits(NamedTuple):
    """When nothing is said, and what is passed over."""

    min_learns: int = 200
    min_tokens: int = 11
    max_tokens: int = 0
    min_token_hits: int = 2
    min_prob_strength: float = 0.05


class Judgement(NamedTuple):
    """What came of it."""

    probability: float | None
    """Of spam; None: nothing can be said, ``why`` says why."""
    used: int = 0
    """Tokens that counted."""
    why: str = ""

    @property
    def certainty(self) -> float:
        """From 0 to 1, of whichever class is more likely."""
        return 0.0 if self.probability is None else abs(self.probability - 0.5) * 2.0

    @property
    def weight(self) -> float:
        """What the symbol's score is multiplied by."""
        return float(self.certainty**8)

    @property
    def spam(self) -> bool | None:
        """The class; None where it is not certain enough."""
        if self.probability is None or abs(self.probability - 0.5) <= _UNSURE:
            return None
        return self.probability > 0.5


def judge(counts: Counts, tokens: int, text: int, limits: Limits) -> Judgement:
    """Judge a message by its tokens, of which ``text`` are of its text.

    Raises ``ValueError`` for counts of kind 0; a kind above all that there are is passed over.
    """
    few = min(counts.learnt_spam, counts.learnt_ham)
    if few < limits.min_learns or not few:
        learnt = f"{counts.learnt_spam} spam and {counts.learnt_ham} ham learnt"
        return Judgement(None, why=f"{learnt}, {max(limits.min_learns, 1)} of each are needed")
    if not text:
        return Judgement(None, why="no tokens of text")
    # With fewer tokens of text than of the rest, the rest does not count.
    last = 2 * META if text > tokens - text else META
    table = _logarithms(
        counts.learnt_spam,
        counts.learnt_ham,
        max(limits.min_token_hits, 1),
        limits.min_prob_strength,
    )
    used = of_text = 0
    spam = ham = 0.0
    for kind, s, h, many in counts.known:
        if kind > last:
            continue
        found = table[kind, s, h]
        if found is _PASSED_OVER:
            continue
        used += many
        if kind <= META:
            of_text += many
        spam += found[0] * many
        ham += found[1] * many
    if not used:
        return Judgement(None, why="no token is known")
    if limits.min_tokens > 0 and of_text < int(limits.min_tokens * 0.1):
        return Judgement(None, used, f"only {of_text} tokens of text are known")
    return Judgement(_combined(spam, ham, used), used)


_PASSED_OVER: Final = (0.0, 0.0)
"""Of a token that does not count."""
_KEPT: Final = 50_000


class _Logarithms(dict[tuple[int, int, int], tuple[float, float]]):
    """The logarithms of the probabilities of a token, by its kind and its counts.

    Few counts are high, and the same ones come with every message.
    """

    def __init__(
        self, learnt_spam: int, learnt_ham: int, min_hits: int, min_strength: float
    ) -> None:
        self._learnt = max(1.0, learnt_spam), max(1.0, learnt_ham)
        self._min_hits = min_hits
        self._min_strength = min_strength

    def __missing__(self, key: tuple[int, int, int]) -> tuple[float, float]:
        if len(self) >= _KEPT:
            self.clear()
        found = self[key] = self._of(*key)
        return found

    def _of(self, kind: int, s: int, h: int) -> tuple[float, float]:
        if not 0 < kind <= 2 * META:
            raise ValueError(f"counts of tokens of kind {kind}")
        total = s + h
        if total < self._min_hits:
            return _PASSED_OVER
        in_spam, in_ham = s / self._learnt[0], h / self._learnt[1]
        share = in_spam / (in_spam + in_ham)
        weight = WEIGHTS[kind - META if kind > META else kind] * total
        weight = weight / (1.0 + weight)
        spam = (weight * 0.5 + total * share) / (weight + total)
        if 0.0 < abs(spam - 0.5) < self._min_strength:
            return _PASSED_OVER
        ham = (weight * 0.5 + total * (1.0 - share)) / (weight + total)
        return _log(spam), _log(ham)


@lru_cache(maxsize=4)
def _logarithms(
    learnt_spam: int, learnt_ham: int, min_hits: int, min_strength: float
) -> _Logarithms:
    return _Logarithms(learnt_spam, learnt_ham, min_hits, min_strength)


def _log(value: float) -> float:
    return log(value) if value > 0.0 else -inf


def _combined(spam: float, ham: float, used: int) -> float:
    if spam > _NAIVE and ham > _NAIVE:
        not_spam = 1.0 - _inverse_chi_square(spam, used)
        not_ham = 1.0 - _inverse_chi_square(ham, used)
    elif spam < ham:
        not_spam = _naive(spam - ham)
        not_ham = 1.0 - not_spam
    else:
        not_ham = _naive(ham - spam)
        not_spam = 1.0 - not_ham
    if isfinite(not_ham) and isfinite(not_spam):
        return (not_ham + 1.0 - not_spam) / 2.0
    if isfinite(not_spam):
        return 1.0
    return 0.0 if isfinite(not_ham) else 0.5


def _naive(difference: float) -> float:
    share = exp(difference)
    return (1.0 - share) / (1.0 + share)


def _inverse_chi_square(value: float, degrees: int) -> float:
    """The chance that random tokens give a sum of logarithms at least as far from zero."""
    half = -value
    # Terms grow up to the half and are soon nothing after it; all together they are one.
    if degrees > half + 12.0 * half**0.5 + 40.0:
        return 1.0
    terms = accumulate(map(truediv, repeat(half), range(1, degrees)), mul, initial=exp(value))
    return min(1.0, sum(terms))
