"""Groups and symbols with the scores that count, for ``configdump --groups`` and the like."""

from __future__ import annotations

from filter_engine.cli.loading import registry_of
from filter_engine.config.dump import origin_as_dict
from filter_engine.config.effective import SymbolDefault
from filter_engine.config.model import Config
from filter_engine.config.origin import BUILTIN
from filter_engine.scan.plan import make_plan


def symbol_details(config: Config, defaults: dict[str, SymbolDefault]) -> dict[str, object]:
    """Symbol -> score and its origin, description, groups, check, switches; by name."""
    found: dict[str, object] = {}
    for name, score in sorted(make_plan(config, registry_of(config)).scores.items()):
        said = config.symbols.get(name)
        default = defaults.get(name)
        origin = BUILTIN if default is None else default.origin
        if said is not None and said.score is not None:
            origin = said.origin("score")
        found[name] = {
            "score": score.value,
            "origin": origin_as_dict(origin),
            "description": score.description,
            "groups": list(score.groups),
            "check": None if default is None else default.check,
            "one_shot": score.one_shot,
            "enabled": score.enabled,
        }
    return found


def groups(config: Config) -> dict[str, object]:
    """Group -> its limit and switches, and its symbols with their scores; by name."""
    members: dict[str, dict[str, float]] = {name: {} for name in config.groups}
    for name, score in sorted(make_plan(config, registry_of(config)).scores.items()):
        for group in score.groups:
            members.setdefault(group, {})[name] = score.value
    found: dict[str, object] = {}
    for name, symbols in sorted(members.items()):
        said = config.groups.get(name)
        found[name] = {
            "max_score": None if said is None else said.max_score,
            "enabled": said is None or (said.enabled and not said.disabled),
            "symbols": symbols,
        }
    return found
