"""The plan that settings make of the whole one: fewer checks, other scores and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from filter_engine.config.settings_apply import SettingsApply
from filter_engine.scan.composites import Composites
from filter_engine.scan.declare import Check, Stage
from filter_engine.scan.metric import Score
from filter_engine.scan.plan import Plan
from filter_engine.scan.verdict import Action


def applied(apply: SettingsApply, plan: Plan, set_symbols: frozenset[str]) -> Plan:
    """``plan`` as the settings want it; ``set_symbols`` are those that they set themselves."""
    rules = _rules_enabled(apply, plan.scores)
    scores = {
        name: score
        if (left := _is_left(name, score, apply, set_symbols, rules)) is score.enabled
        else replace(score, enabled=left)
        for name, score in plan.scores.items()
    }
    for name, value in apply.scores.items():
        if value is not None:
            scores[name] = replace(scores.get(name, Score(0.0)), value=value)
    thresholds = dict(plan.thresholds)
    for action, limit in apply.actions.items():
        if limit is None:
            thresholds.pop(Action.parse(action), None)
        else:
            thresholds[Action.parse(action)] = limit
    needed = _needed(plan, scores, apply)
    stages = tuple(
        replace(
            stage,
            asking=tuple(check for check in stage.asking if check.name in needed),
            plain=tuple(check for check in stage.plain if check.name in needed),
        )
        for stage in plan.stages
    )
    return replace(
        plan,
        checks=tuple(check for check in plan.checks if check.name in needed),
        stages=tuple(stage for stage in stages if stage.asking or stage.plain),
        scores=scores,
        thresholds=thresholds,
        composites=Composites(plan.composites.configured, scores),
    )


def _rules_enabled(apply: SettingsApply, scores: Mapping[str, Score]) -> frozenset[str]:
    """The rules that are enabled by their names, or by that of one of their symbols."""
    named = (scores[name].rule for name in apply.symbols_enabled if name in scores)
    return frozenset((*apply.symbols_enabled, *named)) - {""}


def _is_left(
    name: str,
    score: Score,
    apply: SettingsApply,
    set_symbols: frozenset[str],
    rules: frozenset[str],
) -> bool:
    if score.always or name in set_symbols:
        return score.enabled
    if not score.enabled:
        return False
    if name in apply.symbols_disabled or score.rule in apply.symbols_disabled:
        return False
    if any(group in apply.groups_disabled for group in score.groups):
        return False
    if name in apply.symbols_enabled or score.rule in rules:
        return True
    if any(group in apply.groups_enabled for group in score.groups):
        return True
    return not apply.restricts


def _needed(plan: Plan, scores: Mapping[str, Score], apply: SettingsApply) -> frozenset[str]:
    """Checks of which a symbol is left, and those they ask."""
    by_name = {check.name: check for check in plan.checks}
    pending = [check.name for check in plan.checks if _is_wanted(check, plan, scores, apply)]
    found = set[str]()
    while pending:
        name = pending.pop()
        if name in by_name and name not in found:
            found.add(name)
            pending.extend(by_name[name].needs)
    return frozenset(found)


def _is_wanted(check: Check, plan: Plan, scores: Mapping[str, Score], apply: SettingsApply) -> bool:
    symbols = plan.symbols[check.name]
    if symbols and check.stage is Stage.IDEMPOTENT:
        # What only remembers goes on unless it is named (Rspamd's flag explicit_disable).
        return any(plan.scores[s].enabled and s not in apply.symbols_disabled for s in symbols)
    if symbols:
        return any(scores[symbol].enabled for symbol in symbols)
    return not apply.restricts or check.stage <= Stage.PREFILTER
