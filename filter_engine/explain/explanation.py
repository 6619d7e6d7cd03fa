"""One verdict explained, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from filter_engine.config.composites import CompositeConfig
from filter_engine.config.effective import SymbolDefault
from filter_engine.config.model import Config
from filter_engine.explain.flips import Flip, flips
from filter_engine.explain.looked_at import LookedAt
from filter_engine.explain.origins import Origins, Source
from filter_engine.explain.shares import Share, shares
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.metric import SEVERITY
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Action, PreResult, Verdict


@frozen
class ExplainedSymbol:
    """A symbol that was found."""

    name: str
    added: float
    """What it added to the total."""
    score: float
    """Its score in the configuration."""
    source: Source
    """Who says that score."""
    check: str
    groups: tuple[str, ...]
    description: str
    options: tuple[str, ...]
    evidence: tuple[str, ...]
    shares: tuple[Share, ...]
    """Its findings, one by one."""
    removed_by: tuple[str, ...] = ()
    """Composites that took it out of the verdict, or its weight."""
    shown: bool = True
    """It is in the verdict."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "name": self.name,
            "added": self.added,
            "score": self.score,
            "source": self.source.as_dict(),
            "check": self.check,
            "groups": list(self.groups),
            "description": self.description,
            "options": list(self.options),
            "evidence": list(self.evidence),
            "findings": [
                {"weight": s.weight, "full": s.full, "added": s.added, "limit": s.limit}
                for s in self.shares
            ],
            "removed_by": list(self.removed_by),
            "shown": self.shown,
        }


@frozen
class ExplainedComposite:
    """A composite that was set."""

    name: str
    expression: str
    policy: str
    removed_symbols: tuple[str, ...]
    removed_weights: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "name": self.name,
            "expression": self.expression,
            "policy": self.policy,
            "removed_symbols": list(self.removed_symbols),
            "removed_weights": list(self.removed_weights),
        }


@frozen
class Threshold:
    """The score from which an action is taken."""

    action: Action
    limit: float
    source: Source
    crossed: bool

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "action": self.action.value,
            "limit": self.limit,
            "source": self.source.as_dict(),
            "crossed": self.crossed,
        }


@frozen
class VerdictExplanation:
    """Everything about one verdict."""

    action: Action
    score: float
    sum: float
    """Of the symbols; another than ``score`` when a pre-result gave that."""
    thresholds: tuple[Threshold, ...]
    """The highest first."""
    symbols: tuple[ExplainedSymbol, ...]
    """The weightiest first."""
    composites: tuple[ExplainedComposite, ...]
    settings: str
    """The settings that apply, empty for none."""
    settings_place: str
    """The same with the file and line of their rule."""
    settings_id: str
    settings_priority: int
    skipped: bool
    decided_by: PreResult | None
    """The pre-result that gave the action; None when the score did."""
    pre_results: tuple[PreResult, ...]
    flips: tuple[Flip, ...]
    unfinished: tuple[str, ...]
    timed_out: bool

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        applied = {
            "name": self.settings,
            "by": self.settings_place,
            "id": self.settings_id,
            "priority": self.settings_priority,
        }
        return {
            "action": self.action.value,
            "score": self.score,
            "sum": self.sum,
            "skipped": self.skipped,
            "decided_by": "score" if self.decided_by is None else self.decided_by.module,
            "pre_results": [_pre_result(pre, self.decided_by) for pre in self.pre_results],
            "thresholds": [threshold.as_dict() for threshold in self.thresholds],
            "settings": applied if self.settings else None,
            "symbols": [symbol.as_dict() for symbol in self.symbols],
            "composites": [composite.as_dict() for composite in self.composites],
            "flips": [flip.as_dict() for flip in self.flips],
            "unfinished": list(self.unfinished),
            "timed_out": self.timed_out,
        }


def _pre_result(pre: PreResult, decided_by: PreResult | None) -> dict[str, object]:
    return {
        "action": pre.action.value,
        "module": pre.module,
        "message": pre.message,
        "priority": pre.priority,
        "least": pre.least,
        "score": pre.score,
        "decides": pre is decided_by,
    }


def explain(
    verdict: Verdict,
    trace: Trace,
    config: Config,
    defaults: Mapping[str, SymbolDefault],
) -> VerdictExplanation:
    """Explain a verdict by the trace of its scan.

    ``defaults`` is what checks and composites declare about their symbols.
    """
    origins = Origins(config, defaults, trace)
    composites = tuple(_composites(trace, config))
    symbols = sorted(
        _symbols(trace, verdict, origins, composites),
        key=lambda symbol: (not symbol.shown, -abs(symbol.added), symbol.name),
    )
    chosen = trace.settings
    total = sum(symbol.added for symbol in symbols)
    return VerdictExplanation(
        action=verdict.action,
        score=verdict.score,
        sum=0.0 if math.isclose(total, 0.0, abs_tol=1e-12) else total,
        thresholds=tuple(_thresholds(trace, origins, verdict.score)),
        symbols=tuple(symbols),
        composites=composites,
        settings="" if chosen is None else chosen.name,
        settings_place=origins.settings,
        settings_id="" if chosen is None else chosen.id,
        settings_priority=0 if chosen is None else chosen.priority,
        skipped=verdict.skipped,
        decided_by=trace.decision.pre_result,
        pre_results=trace.pre_results,
        flips=() if verdict.skipped else flips(trace),
        unfinished=verdict.unfinished,
        timed_out=verdict.timed_out,
    )


def _symbols(
    trace: Trace,
    verdict: Verdict,
    origins: Origins,
    composites: tuple[ExplainedComposite, ...],
) -> Iterator[ExplainedSymbol]:
    shown = {symbol.name: symbol for symbol in verdict.symbols}
    removed: dict[str, list[str]] = {}
    for composite in composites:
        for name in dict.fromkeys(composite.removed_symbols + composite.removed_weights):
            removed.setdefault(name, []).append(composite.name)
    weightless = frozenset[str]() if trace.matched is None else trace.matched.without_weight
    looked_at = LookedAt(trace.task, trace.plan)
    for name, found in shares(trace).items():
        result = shown.get(name)
        score = trace.plan.scores.get(name)
        said = trace.plan.composites.configured.get(name)
        evidence = tuple(dict.fromkeys(share.evidence for share in found if share.evidence))
        if not evidence and said is not None and said.expression is not None:
            evidence = (f"composite: {said.expression.text}",)
        elif not evidence:
            evidence = tuple(filter(None, (looked_at.by(name),)))
        added = sum(share.added for share in found)
        if result is not None:
            added = result.score
        elif name in weightless:
            added = 0.0
        yield ExplainedSymbol(
            name=name,
            added=added,
            score=0.0 if score is None else score.value,
            source=origins.of_symbol(name),
            check=looked_at.check_of(name),
            groups=() if score is None else score.groups,
            description="" if score is None else score.description,
            options=tuple(dict.fromkeys(text for share in found for text in share.options)),
            evidence=evidence,
            shares=found,
            removed_by=tuple(removed.get(name, ())),
            shown=result is not None,
        )


def _composites(trace: Trace, config: Config) -> Iterator[ExplainedComposite]:
    matched = trace.matched
    if matched is None:
        return
    found = {finding.symbol for finding in trace.weighed}
    for name in matched.names:
        said = config.composites[name]
        parts = _parts(said, trace) & found
        yield ExplainedComposite(
            name,
            "" if said.expression is None else said.expression.text,
            said.policy,
            tuple(sorted(parts & matched.without_symbol)),
            tuple(sorted(parts & matched.without_weight)),
        )


def _parts(said: CompositeConfig, trace: Trace) -> frozenset[str]:
    """The symbols that a composite may remove."""
    parts: set[str] = set()
    for atom in said.expression.atoms if said.expression is not None else ():
        if atom.negated:
            continue
        if atom.group:
            scores = trace.plan.scores.items()
            parts.update(name for name, score in scores if atom.name in score.groups)
        else:
            parts.add(atom.name)
    return frozenset(parts)


def _thresholds(trace: Trace, origins: Origins, score: float) -> Iterator[Threshold]:
    limits = trace.plan.thresholds.items()
    for action, limit in sorted(limits, key=lambda pair: (-pair[1], -SEVERITY.index(pair[0]))):
        yield Threshold(action, limit, origins.of_threshold(action), score >= limit)
