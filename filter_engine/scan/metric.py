"""Scoring: a pure function of findings, scores and thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from filter_engine.scan.verdict import Action, Finding, PreResult, SymbolResult

if TYPE_CHECKING:
    from filter_engine.scan.composites import Composites

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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Decision:
    """The metric's result."""

    action: Action
    score: float
    symbols: tuple[SymbolResult, ...]
    message: str | None = None
    """The SMTP text a pre-result asked for."""
    pre_result: PreResult | None = None


def tally(
    findings: Iterable[Finding],
    scores: Mapping[str, Score],
    caps: Mapping[str, float] | None = None,
) -> tuple[SymbolResult, ...]:
    """Merge the findings of each symbol and weigh them; a symbol nobody declared weighs nothing.

    A one-shot symbol counts once, by its finding of the greatest weight; any other adds up to
    its ``shots``. Options are joined in order without repetition. ``caps`` holds the most
    that the symbols of a group may add together: what goes over is taken from the later symbol.
    """
    merged: dict[str, list[Finding]] = {}
    for finding in findings:
        score = scores.get(finding.symbol)
        if score is None or score.enabled:
            merged.setdefault(finding.symbol, []).append(finding)
    results = (
        _weigh(name, same, scores.get(name) or (_FORCED if same[0].forced else _UNKNOWN))
        for name, same in merged.items()
    )
    return tuple(results) if not caps else _cap(results, scores, caps)


_UNKNOWN = Score(0.0)
_FORCED = Score(1.0)


def _cap(
    results: Iterable[SymbolResult], scores: Mapping[str, Score], caps: Mapping[str, float]
) -> tuple[SymbolResult, ...]:
    left = dict(caps)
    capped = []
    for result in results:
        groups = [g for g in scores.get(result.name, _UNKNOWN).groups if g in left]
        added = min([result.score, *(max(left[group], 0.0) for group in groups)])
        for group in groups:
            left[group] -= added
        capped.append(result if added == result.score else replace(result, score=added))
    return tuple(capped)


def _weigh(name: str, same: Sequence[Finding], score: Score) -> SymbolResult:
    weights = [finding.weight for finding in same[: score.shots]]
    weight = max(weights, key=abs) if score.one_shot else sum(weights)
    options = tuple(dict.fromkeys(option for finding in same for option in finding.options))
    return SymbolResult(
        name=name,
        score=score.value * weight,
        metric_score=score.value,
        description=score.description,
        group=score.groups[0] if score.groups else "",
        options=options[:MAX_OPTIONS],
        evidence=tuple(finding.evidence for finding in same if finding.evidence),
    )


def action_for(score: float, thresholds: Mapping[Action, float]) -> Action:
    """The action with the highest threshold that ``score`` reaches."""
    reached = [(limit, SEVERITY.index(a), a) for a, limit in thresholds.items() if score >= limit]
    return max(reached)[2] if reached else Action.NO_ACTION


def decide(
    findings: Iterable[Finding],
    pre_results: Iterable[PreResult],
    scores: Mapping[str, Score],
    thresholds: Mapping[Action, float],
    caps: Mapping[str, float] | None = None,
    composites: Composites | None = None,
) -> Decision:
    """Score the findings, then the composites they set, and settle the action.

    The pre-result of the highest priority wins over the score; one marked ``least`` only raises the
    action that the score demands.
    """
    found = tuple(findings)
    symbols, left = tally(found, scores, caps), 0.0
    matched = None if composites is None else composites.evaluate(symbols)
    if matched is not None:
        own = tuple(Finding(name) for name in matched.names)
        symbols, left = matched.settle(tally(found + own, scores, caps))
    total = sum((symbol.score for symbol in symbols), left)
    action = action_for(total, thresholds)
    chosen: PreResult | None = None
    for pre in sorted(pre_results, key=lambda p: p.priority):
        if not pre.least or SEVERITY.index(pre.action) > SEVERITY.index(action):
            chosen = pre
    if chosen is None:
        return Decision(action, total, symbols)
    score = total if chosen.score is None else chosen.score
    return Decision(chosen.action, score, symbols, chosen.message, chosen)
