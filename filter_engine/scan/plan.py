"""What a configuration makes of the declared checks: which run, in what order, with what scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from filter_engine.config.model import Config, SymbolConfig
from filter_engine.config.schema import Section
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.composites import Composites
from filter_engine.scan.declare import Check, Registry, Stage, Symbol
from filter_engine.scan.metric import MAX_SHOTS, Score
from filter_engine.scan.verdict import Action


@frozen
class StagePlan:
    """The enabled checks of one stage, the highest priority first."""

    stage: Stage
    asking: tuple[Check, ...]
    plain: tuple[Check, ...]

    def only(self, wanted: Callable[[Check], bool]) -> StagePlan:
        """The stage with some of its checks."""
        return StagePlan(
            self.stage, tuple(filter(wanted, self.asking)), tuple(filter(wanted, self.plain))
        )


@frozen
class Plan:
    """Everything a scan needs that does not change between messages."""

    checks: tuple[Check, ...]
    """All that are switched on."""
    stages: tuple[StagePlan, ...]
    scores: Mapping[str, Score]
    thresholds: Mapping[Action, float]
    caps: Mapping[str, float]
    """Group -> the most its symbols may add together."""
    composites: Composites
    sections: Mapping[type[Section], Section]
    """Bound options by their class, the global ones included."""
    symbols: Mapping[str, tuple[str, ...]]
    """Check -> the symbols it may set, those of a site's rules included."""
    grow_factor: float = 1.0
    """On a score above zero that follows another."""


def make_plan(config: Config, registry: Registry) -> Plan:
    """Combine what the checks declare with what the site configured."""
    enabled = (
        check for check in registry if config.is_enabled(check.module) and _has_work(check, config)
    )
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
    scores = _scores(config, registry)
    return Plan(
        checks=tuple(checks),
        stages=tuple(plan for plan in stages if plan.asking or plan.plain),
        scores=scores,
        thresholds={Action.parse(name): limit for name, limit in config.actions.thresholds()},
        caps={
            name: group.max_score
            for name, group in config.groups.items()
            if group.max_score is not None and group.max_score > 0.0
        },
        composites=Composites(config.composites, scores),
        sections=sections,
        symbols=_symbols_of_checks(config, registry),
        grow_factor=config.actions.grow_factor,
    )


def _has_work(check: Check, config: Config) -> bool:
    if check.has_work is None:
        return True
    return check.has_work(config.modules.get(check.module) or (check.options or Section)())


def _symbols_of_checks(config: Config, registry: Registry) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {check.name: [] for check in registry}
    for check, symbol in checks_symbols(config, registry):
        found[check.name].append(symbol.name)
    return {name: tuple(symbols) for name, symbols in found.items()}


def checks_symbols(config: Config, registry: Registry) -> Iterator[tuple[Check, Symbol]]:
    """Every symbol with its check: those in the code, then those of a site's rules."""
    yield from registry.symbols()
    for check in registry:
        if check.symbols_of is not None and config.is_enabled(check.module):
            options = config.modules.get(check.module)
            for symbol in check.symbols_of(options or (check.options or Section)()):
                yield check, symbol


def declared_symbols(config: Config, registry: Registry) -> Iterator[Symbol]:
    """The symbols of the checks and of the composites, with the scores they come with.

    A rule may set a symbol that a check declares: its score is the check's. A composite that has
    the name of a check's symbol takes its group and, unless it states one, its score.
    """
    declared: dict[str, Symbol] = {}
    for check, symbol in checks_symbols(config, registry):
        known = declared.setdefault(symbol.name, symbol)
        rule = symbol.rule or check.callback
        if rule and not known.rule:
            declared[symbol.name] = replace(known, rule=rule)
    for name, said in config.composites.items():
        own = declared.get(name)
        if own is None:
            declared[name] = Symbol(name, said.score, said.description, (said.group,))
        elif "score" in said.origins:
            declared[name] = replace(own, score=said.score)
    yield from declared.values()


def _scores(config: Config, registry: Registry) -> dict[str, Score]:
    """Every symbol's score; one that only the site names may be set by a rule."""
    found = {symbol.name: _score(symbol, config) for symbol in declared_symbols(config, registry)}
    unknown = Symbol("", config.actions.unknown_weight, "")
    for name in config.symbols:
        if name not in found:
            found[name] = _score(replace(unknown, name=name), config)
    return found


def _score(symbol: Symbol, config: Config) -> Score:
    said = config.symbols.get(symbol.name)
    further = () if said is None else said.groups
    groups = tuple(dict.fromkeys(symbol.groups + further))
    site_groups = [config.groups[name] for name in groups if name in config.groups]
    enabled = all(group.enabled and not group.disabled for group in site_groups)
    grouped = [group.one_shot for group in site_groups if group.one_shot is not None]
    one_shot = grouped[0] if grouped else symbol.one_shot
    if said is None:
        return Score(
            symbol.score,
            symbol.description,
            groups,
            one_shot,
            enabled=enabled,
            always=symbol.always,
            rule=symbol.rule,
        )
    one_shot, shots = _shots(said, one_shot)
    return Score(
        value=symbol.score if said.score is None else said.score,
        description=said.description or symbol.description,
        groups=groups,
        one_shot=one_shot,
        shots=shots,
        enabled=enabled and said.enabled is not False,
        always=symbol.always,
        rule=symbol.rule,
    )


def _shots(said: SymbolConfig, otherwise: bool) -> tuple[bool, int]:
    """(one_shot, shots) of what a site says; ``nshots = 1`` is another spelling of one_shot."""
    if said.nshots is None:
        return (otherwise if said.one_shot is None else said.one_shot), MAX_SHOTS
    if said.nshots == 1:
        return True, MAX_SHOTS
    return bool(said.one_shot), min(said.nshots, MAX_SHOTS)
