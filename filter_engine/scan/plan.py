"""What a configuration makes of the declared checks: which run, in what order, with what scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filter_engine.config.model import Config
from filter_engine.config.schema import Section
from filter_engine.scan.declare import Check, Registry, Stage, Symbol
from filter_engine.scan.metric import Score
from filter_engine.scan.verdict import Action


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The enabled checks of one stage, the highest priority first."""

    stage: Stage
    asking: tuple[Check, ...]
    plain: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a scan needs that does not change between messages."""

    checks: tuple[Check, ...]
    """All that are switched on."""
    stages: tuple[StagePlan, ...]
    scores: Mapping[str, Score]
    thresholds: Mapping[Action, float]
    caps: Mapping[str, float]
    """Group -> the most its symbols may add together."""
    sections: Mapping[type[Section], Section]
    """Bound options by their class, the global ones included."""


def make_plan(config: Config, registry: Registry) -> Plan:
    """Combine what the checks declare with what the site configured."""
    enabled = (check for check in registry if config.is_enabled(check.module))
    checks = sorted(enabled, key=lambda check: -check.priority)
    stages = tuple(
        StagePlan(
            stage,
            tuple(c for c in checks if c.stage is stage and c.asks),
            tuple(c for c in checks if c.stage is stage and not c.asks),
        )
        for stage in Stage
    )
    sections: dict[type[Section], Section] = {type(s): s for s in config.modules.values()}
    for section in (config.options, config.actions):
        sections[type(section)] = section
    return Plan(
        checks=tuple(checks),
        stages=tuple(plan for plan in stages if plan.asking or plan.plain),
        scores={symbol.name: _score(symbol, config) for _, symbol in registry.symbols()}
        | _site_symbols(config, registry),
        thresholds={Action.parse(name): limit for name, limit in config.actions.thresholds()},
        caps={
            name: group.max_score
            for name, group in config.groups.items()
            if group.max_score is not None
        },
        sections=sections,
    )


def _score(symbol: Symbol, config: Config) -> Score:
    said = config.symbols.get(symbol.name)
    groups = symbol.groups + (said.groups if said is not None else ())
    enabled = True
    for name in groups:
        site_group = config.groups.get(name)
        if site_group is not None and (site_group.disabled or not site_group.enabled):
            enabled = False
    if said is None:
        return Score(symbol.score, symbol.description, symbol.groups, symbol.one_shot, enabled)
    return Score(
        value=symbol.score if said.score is None else said.score,
        description=said.description or symbol.description,
        groups=groups,
        one_shot=symbol.one_shot if said.one_shot is None else said.one_shot,
        enabled=enabled and said.enabled is not False and not said.ignore,
    )


def _site_symbols(config: Config, registry: Registry) -> dict[str, Score]:
    """Symbols that only the site knows: a rule may set them by name."""
    declared = {symbol.name for _, symbol in registry.symbols()}
    return {
        name: Score(said.score or 0.0, said.description or "", said.groups, bool(said.one_shot))
        for name, said in config.symbols.items()
        if name not in declared
    }
