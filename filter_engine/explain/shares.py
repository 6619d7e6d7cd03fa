"""What each finding added to the score, and what cut it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.metric import Score, Tally
from filter_engine.scan.plan import Plan
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Finding


@frozen
class Share:
    """One finding of a symbol."""

    weight: float
    """Its factor on the symbol's score."""
    full: float
    """Score times weight."""
    added: float
    """What of it counted."""
    limit: str
    """Why it is not the same; empty when it is."""
    evidence: str
    options: tuple[str, ...]


def shares(trace: Trace) -> dict[str, tuple[Share, ...]]:
    """Symbol -> its findings in the order they were weighed."""
    plan = trace.plan
    tally = Tally(plan.scores, plan.caps, plan.grow_factor)
    found: dict[str, list[Share]] = {}
    totals: dict[str, float] = {}
    for finding in trace.weighed:
        tally.add((finding,))
        name = finding.symbol
        total = tally.total(name)
        if total is None:  # the symbol is off
            continue
        score = tally.score(name)
        earlier = found.setdefault(name, [])
        full = score.value * finding.weight
        added = total - totals.get(name, 0.0)
        totals[name] = total
        limit = "" if math.isclose(full, added, abs_tol=1e-9) else _limit(score, plan, earlier)
        earlier.append(_share(finding, full, added, limit))
    return {name: tuple(each) for name, each in found.items()}


def _share(finding: Finding, full: float, added: float, limit: str) -> Share:
    return Share(finding.weight, full, added, limit, finding.evidence, finding.options)


def _limit(score: Score, plan: Plan, earlier: list[Share]) -> str:
    shots = len(earlier) + 1
    if shots > 1 and score.one_shot:
        return "one_shot: only the weightiest counts"
    if shots > score.shots:
        return f"only {score.shots} findings count"
    capped = _caps(score, plan.caps)
    if capped:
        return "; ".join(capped)
    return f"grow_factor {plan.grow_factor:g}"


def _caps(score: Score, caps: Mapping[str, float]) -> list[str]:
    return [
        f"group {group} adds at most {caps[group]:g}" for group in score.groups if group in caps
    ]
