"""Scoring: a pure function of findings, scores and thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from filter_engine.lazy_dataclass import frozen, settled
from filter_engine.scan.verdict import Action, Finding, PreResult, SymbolResult

if TYPE_CHECKING:
    from filter_engine.scan.composites import Composites, Matched

MAX_SHOTS = 100
"""Findings of one symbol that count (Rspamd's default of max_shots)."""
MAX_OPTIONS = 100
"""Options kept of one symbol."""

SEVERITY: tuple[Action, ...] = (
    Action.NO_ACTION,
    Action.GREYLIST,
    Action.ADD_HEADER,
    Action.REWRITE_SUBJECT,
    Action.SOFT_REJECT,
    Action.QUARANTINE,
    Action.REJECT,
    Action.DISCARD,
)
"""Mildest first."""


@frozen
class Score:
    """A symbol's effective score and what is shown of it."""

    value: float
    description: str = ""
    groups: tuple[str, ...] = ()
    """The first is its main group."""
    one_shot: bool = False
    enabled: bool = True
    shots: int = MAX_SHOTS
    """Findings that count."""
    always: bool = False
    """No settings leave it out."""
    rule: str = ""
    """As in ``Symbol``."""


@settled
class Decision:
    """The metric's result."""

    action: Action
    score: float
    symbols: tuple[SymbolResult, ...]
    message: str | None = None
    """The SMTP text a pre-result asked for."""
    pre_result: PreResult | None = None


class Tally:
    """Weighs findings one after the other, in the order they were made.

    A one-shot symbol counts once, by its finding of the greatest weight; any other adds up to
    its ``shots``, and is one-shot from then on. Options are joined in order without repetition.
    ``caps`` holds the most that the symbols of a group may add together: what goes over is cut from
    the later finding. ``grow_factor`` above 1 multiplies a score above zero that follows another.
    Source: replies of Rspamd 3.4. A symbol nobody declared weighs nothing.
    """

    __slots__ = ("_caps", "_factor", "_grow", "_left", "_made", "_repeated", "_results", "_scores")

    def __init__(
        self,
        scores: Mapping[str, Score],
        caps: Mapping[str, float] | None = None,
        grow_factor: float = 1.0,
    ) -> None:
        self._scores = scores
        self._caps = caps or {}
        self._left: dict[str, float] = dict(self._caps)
        self._grow = grow_factor if grow_factor > 1.0 else 1.0
        self._factor = 1.0
        self._made: dict[str, SymbolResult] = {}
        """What each symbol comes to; of those in ``_repeated`` it may be late."""
        self._repeated: dict[str, _Entry] = {}
        self._results: tuple[SymbolResult, ...] | None = ()

    def add(self, findings: Iterable[Finding]) -> None:
        """Weigh further findings."""
        self._results = None
        scores, made = self._scores, self._made
        grows, is_free = self._grow != 1.0, self._left.keys().isdisjoint
        for finding in findings:
            name, options, weight, evidence, forced = finding
            if name in made:
                self._add_again(finding)
                continue
            score = scores.get(name) or (_FORCED if forced else _UNKNOWN)
            if not score.enabled:
                continue
            worth = score.value * weight + 0.0  # never -0.0
            if grows or (worth and not is_free(score.groups)):
                worth = self._counted(worth, score.groups)
            # As ``SymbolResult(...)``, without the Python that NamedTuple writes for its __new__.
            made[name] = tuple.__new__(
                SymbolResult,
                (
                    name,
                    worth,
                    score.value,
                    score.description,
                    score.groups[0] if score.groups else "",
                    tuple(options) if len(options) < 2 else _each_once(options),
                    (evidence,) if evidence else (),
                ),
            )

    def _add_again(self, finding: Finding) -> None:
        """Weigh a finding of a symbol that was found before."""
        name = finding.symbol
        entry = self._repeated.get(name)
        if entry is None:
            entry = self._repeated[name] = _Entry(self.score(name), self._made[name])
        score = entry.score
        worth = score.value * finding.weight
        entry.shots += 1
        if score.one_shot or entry.shots > score.shots:
            same_sign = (worth < 0.0) is (entry.total < 0.0)
            worth = worth - entry.total if same_sign and abs(worth) > abs(entry.total) else 0.0
        if worth:
            entry.total += self._counted(worth, score.groups)
        if finding.options:
            entry.options.update(dict.fromkeys(finding.options))
        if finding.evidence:
            entry.evidence.append(finding.evidence)

    def _counted(self, worth: float, groups: Iterable[str]) -> float:
        """What counts of what a finding is worth."""
        if self._grow != 1.0:
            grown = worth > 0.0
            if grown:
                worth *= self._factor
            self._factor = self._grow if grown else 1.0
        left = self._left
        if not worth or left.keys().isdisjoint(groups):
            return worth
        capped = [group for group in groups if group in left]
        if worth > 0.0:
            for group in capped:
                worth = min(worth, max(left[group], 0.0))
        for group in capped:
            left[group] -= worth
        return worth

    def total(self, symbol: str) -> float | None:
        """What a symbol has added so far; None when it was not found or is off."""
        entry = self._repeated.get(symbol)
        if entry is not None:
            return entry.total
        made = self._made.get(symbol)
        return None if made is None else made.score

    def score(self, symbol: str) -> Score:
        """What a symbol that was found is weighed by."""
        known = self._scores.get(symbol)
        return known or (_FORCED if self._made[symbol].metric_score else _UNKNOWN)

    def results(self) -> tuple[SymbolResult, ...]:
        """Every symbol so far, in the order of its first finding."""
        if self._results is None:
            for name, entry in self._repeated.items():
                self._made[name] = entry.result(self._made[name])
            self._results = tuple(self._made.values())
        return self._results

    def by_name(self) -> Mapping[str, SymbolResult]:
        """The same by the symbol's name."""
        if self._repeated:
            self.results()
        return self._made


class _Entry:
    """What a tally knows of a symbol that was found more than once."""

    __slots__ = ("evidence", "options", "score", "shots", "total")

    def __init__(self, score: Score, first: SymbolResult) -> None:
        self.score = score
        self.total = first.score
        self.shots = 1
        self.options = dict.fromkeys(first.options)
        self.evidence = list(first.evidence)

    def result(self, before: SymbolResult) -> SymbolResult:
        return before._replace(
            score=self.total,
            options=_each_once(self.options),
            evidence=tuple(self.evidence),
        )


def _each_once(options: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options))[:MAX_OPTIONS]


_SCORE_OF: Callable[[SymbolResult], float] = attrgetter("score")
_PRIORITY_OF: Callable[[PreResult], int] = attrgetter("priority")
_UNKNOWN = Score(0.0)
_FORCED = Score(1.0)


def tally(
    findings: Iterable[Finding],
    scores: Mapping[str, Score],
    caps: Mapping[str, float] | None = None,
    grow_factor: float = 1.0,
) -> tuple[SymbolResult, ...]:
    """The symbols that findings make, weighed."""
    counted = Tally(scores, caps, grow_factor)
    counted.add(findings)
    return counted.results()


def action_for(score: float, thresholds: Mapping[Action, float]) -> Action:
    """The action with the highest threshold that ``score`` reaches."""
    reached = [(limit, SEVERITY.index(a), a) for a, limit in thresholds.items() if score >= limit]
    return max(reached)[2] if reached else Action.NO_ACTION


def required_score(thresholds: Mapping[Action, float]) -> float:
    """The score that is shown as the limit: that of reject, else the highest; ``nan`` for none."""
    reject = thresholds.get(Action.REJECT)
    return max(thresholds.values(), default=math.nan) if reject is None else reject


class Scoring:
    """The score of one task while its checks run, and what follows from it."""

    __slots__ = ("_composites", "_seen", "_tally", "matched", "thresholds", "weighed")

    def __init__(
        self,
        scores: Mapping[str, Score],
        thresholds: Mapping[Action, float],
        caps: Mapping[str, float] | None = None,
        composites: Composites | None = None,
        grow_factor: float = 1.0,
    ) -> None:
        self._tally = Tally(scores, caps, grow_factor)
        self.thresholds = thresholds
        """What is left of the limits."""
        self._composites = composites
        self._seen = 0
        self.matched: Matched | None = None
        """What the composites made of the findings so far."""
        self.weighed: list[Finding] = []
        """Findings and composites in the order they were weighed."""

    def add(self, findings: Sequence[Finding]) -> None:
        """Weigh what of ``findings`` has come since the last call, then the composites it sets.

        Composites that were set before stay, whatever has come.
        """
        if len(findings) == self._seen:
            return
        self._weigh(findings[self._seen :])
        self._seen = len(findings)
        if self._composites is None:
            return
        matched = self._composites.evaluate(self._tally.by_name())
        if matched is None:
            return
        before = () if self.matched is None else self.matched.names
        self._weigh([Finding(name) for name in matched.names if name not in before])
        self.matched = matched if self.matched is None else self.matched.joined(matched)

    def leave_out(self, actions: Collection[Action]) -> None:
        """Let no score demand these actions."""
        self.thresholds = {a: at for a, at in self.thresholds.items() if a not in actions}

    def _weigh(self, findings: Sequence[Finding]) -> None:
        self._tally.add(findings)
        self.weighed.extend(findings)

    def decision(self, pre_results: Iterable[PreResult] = ()) -> Decision:
        """The action, with the pre-results.

        The one of the highest priority, the first of equals, wins over the score; one marked
        ``least`` only raises the action that the score demands.
        """
        symbols, left = self._tally.results(), 0.0
        if self.matched is not None:
            symbols, left = self.matched.settle(symbols)
        total = sum(map(_SCORE_OF, symbols), left)
        action = action_for(total, self.thresholds)
        chosen: PreResult | None = None
        for pre in sorted(pre_results, key=_PRIORITY_OF, reverse=True):
            if not pre.least:
                chosen = pre
                break
            if SEVERITY.index(pre.action) > SEVERITY.index(action):
                action, chosen = pre.action, pre
        if chosen is None:
            return Decision(action, total, symbols)
        score = total if chosen.score is None else chosen.score
        return Decision(chosen.action, score, symbols, chosen.message or None, chosen)


def decide(
    findings: Sequence[Finding],
    pre_results: Iterable[PreResult],
    scores: Mapping[str, Score],
    thresholds: Mapping[Action, float],
    caps: Mapping[str, float] | None = None,
    composites: Composites | None = None,
) -> Decision:
    """Score all findings at once, then the composites they set, and settle the action."""
    scoring = Scoring(scores, thresholds, caps, composites)
    scoring.add(findings)
    return scoring.decision(pre_results)
