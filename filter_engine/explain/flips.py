"""The smallest changes that would have led to another action.

Every change that is named was tried: the score is worked out anew with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.composites import Composites
from filter_engine.scan.metric import SEVERITY, Decision, Scoring, action_for
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Action

_STEP = 0.01
"""Scores that are proposed have two decimals."""
_LIKE = 0.05
"""Changes that differ by less count as equal."""
_TRIES = 3
_MOST_SYMBOLS = 200
"""Symbols tried; a verdict seldom has a quarter of that."""


@frozen
class NewScore:
    """Another score of one symbol."""

    symbol: str
    now: float
    then: float


@frozen
class NewThreshold:
    """Another threshold of one action."""

    action: Action
    now: float
    then: float


@frozen
class Flip:
    """How the action next to the one that was taken would have been reached."""

    action: Action
    gap: float
    """What the score would have to change by: below zero to a milder action."""
    without: tuple[str, ...] = ()
    """The fewest symbols without which it would be so; empty when there are none."""
    without_gives: Action | None = None
    """The action without them: a single weighty symbol may lead further than to the neighbour."""
    score: NewScore | None = None
    threshold: NewThreshold | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        found: dict[str, object] = {"action": self.action.value, "gap": self.gap}
        if self.without:
            found["without"] = list(self.without)
        if self.without_gives is not None:
            found["without_gives"] = self.without_gives.value
        if self.score is not None:
            found["score"] = {
                "symbol": self.score.symbol,
                "now": self.score.now,
                "then": self.score.then,
            }
        if self.threshold is not None:
            found["threshold"] = {
                "action": self.threshold.action.value,
                "now": self.threshold.now,
                "then": self.threshold.then,
            }
        return found


def flips(trace: Trace) -> tuple[Flip, ...]:
    """The flips to the milder and to the more severe neighbour, by the score alone.

    Pre-results are left aside: what they decide, no score changes.
    """
    return tuple(_Search(trace).run())


class _Search:
    """Works out one mail's score again and again."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._plan = trace.plan
        self._base = self._decide()
        names = dict.fromkeys(finding.symbol for finding in trace.weighed)
        self._names = tuple(names)[:_MOST_SYMBOLS]
        self._effects: dict[str, float] = {}

    def run(self) -> list[Flip]:
        limits = self._plan.thresholds
        # of two actions with the same threshold only the more severe one can be taken
        levels = [
            (limit, action)
            for action, limit in limits.items()
            if action_for(limit, limits) is action
        ]
        levels.sort(key=lambda level: (level[0], SEVERITY.index(level[1])))
        at = sum(limit <= self._base.score for limit, _ in levels)
        self._effects = {name: self._effect(name) for name in self._names}
        found = []
        if at:
            limit, action = levels[at - 1]
            milder = levels[at - 2][1] if at > 1 else Action.NO_ACTION
            found.append(self._milder(limit, action, milder))
        if at < len(levels):
            found.append(self._harsher(*levels[at]))
        return found

    def _milder(self, limit: float, action: Action, target: Action) -> Flip:
        score = self._base.score
        gap = limit - score  # zero or below; the score has to fall below the limit
        then = math.floor(score / _STEP + 1.0) * _STEP
        threshold = NewThreshold(action, limit, round(then, 2))
        return Flip(
            target,
            gap,
            *self._fewest(down=True, limit=limit, target=target),
            self._one_score(gap, down=True, limit=limit),
            threshold if self._leads(threshold, target) else None,
        )

    def _harsher(self, limit: float, action: Action) -> Flip:
        score = self._base.score
        then = round(math.floor(score / _STEP) * _STEP, 2)
        then = then if then <= score else round(then - _STEP, 2)
        threshold = NewThreshold(action, limit, then)
        return Flip(
            action,
            limit - score,
            *self._fewest(down=False, limit=limit, target=action),
            self._one_score(limit - score, down=False, limit=limit),
            threshold if self._leads(threshold, action) else None,
        )

    def _leads(self, changed: NewThreshold, target: Action) -> bool:
        """Whether a threshold leads to that action: another may have the same one."""
        limits = {**self._plan.thresholds, changed.action: changed.then}
        return action_for(self._base.score, limits) is target

    def _fewest(
        self, *, down: bool, limit: float, target: Action
    ) -> tuple[tuple[str, ...], Action | None]:
        """The fewest symbols whose absence suffices, and the action then.

        Of single ones the one that leads to the neighbour, else the one that weighs least.
        """
        sign = 1.0 if down else -1.0
        useful = [name for name, effect in self._effects.items() if effect * sign > 0.0]
        useful.sort(key=lambda name: self._effects[name] * sign)
        further: tuple[tuple[str, ...], Action | None] = ((), None)
        for name in useful:
            then = self._decide(frozenset((name,)))
            if then.action is target:
                return (name,), target
            if not further[0] and self._reached(then.score, limit, down=down):
                further = (name,), then.action
        if further[0]:
            return further
        chosen: list[str] = []
        for name in reversed(useful):
            chosen.append(name)
            then = self._decide(frozenset(chosen))
            if self._reached(then.score, limit, down=down):
                return tuple(chosen), then.action
        return (), None

    def _one_score(self, gap: float, *, down: bool, limit: float) -> NewScore | None:
        """The score to change by the least; of equal ones that of the weightiest symbol."""
        best: NewScore | None = None
        for name in sorted(self._effects, key=lambda name: -abs(self._effects[name])):
            score = self._plan.scores.get(name)
            if score is None or not self._effects[name]:
                continue
            slope = self._decide(scores={name: score.value + 1.0}).score - self._base.score
            if math.isclose(slope, 0.0, abs_tol=1e-9):
                continue
            then = self._nearest(name, score.value, gap / slope, down=down, limit=limit)
            if then is None:
                continue
            if best is None or abs(then - score.value) < abs(best.then - best.now) - _LIKE:
                best = NewScore(name, score.value, then)
        return best

    def _nearest(
        self, name: str, value: float, change: float, *, down: bool, limit: float
    ) -> float | None:
        """The score nearest to the one there is that suffices, in two decimals."""
        steps = math.floor if change < 0.0 or (not change and down) else math.ceil
        away = -_STEP if steps is math.floor else _STEP
        then = round(steps(round((value + change) / _STEP, 6)) * _STEP, 2)
        for _ in range(_TRIES):
            if self._reached(self._decide(scores={name: then}).score, limit, down=down):
                return then
            then = round(then + away, 2)
        return None

    @staticmethod
    def _reached(score: float, limit: float, *, down: bool) -> bool:
        return score < limit if down else score >= limit

    def _effect(self, name: str) -> float:
        return self._base.score - self._decide(frozenset((name,))).score

    def _decide(
        self,
        without: frozenset[str] = frozenset(),
        scores: Mapping[str, float] | None = None,
    ) -> Decision:
        """The decision without some symbols, or with other scores; without pre-results."""
        plan = self._plan
        known, composites = dict(plan.scores), plan.composites
        for name, value in (scores or {}).items():
            known[name] = replace(known[name], value=value)
        if without & composites.configured.keys():
            rest = {n: said for n, said in composites.configured.items() if n not in without}
            composites = Composites(rest, known)
        scoring = Scoring(known, plan.thresholds, plan.caps, composites, plan.grow_factor)
        scoring.add([found for found in self._trace.findings if found.symbol not in without])
        return scoring.decision()
