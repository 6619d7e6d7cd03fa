"""Running the rules."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from filter_engine.config.findings import Finding
from filter_engine.config.model import Config
from filter_engine.lint.declare import REGISTRY
from filter_engine.lint.host import Host
from filter_engine.lint.rules import MODULES
from filter_engine.lint.situation import Situation


def run(
    config: Config, host: Host | None = None, *, ignore: Collection[str] = ()
) -> tuple[Finding, ...]:
    """The findings of every rule, by file and line. Without ``host`` rules that need one rest."""
    load()
    situation = Situation(config, host)
    found = {
        finding
        for rule in REGISTRY.values()
        if rule.code not in ignore and (host is not None or not rule.needs_host)
        for finding in rule.examine(situation)
    }
    return tuple(sorted(found))


def load() -> None:
    """Import every module of rules, which declares them."""
    for name in MODULES:
        import_module(f"filter_engine.lint.rules.{name}")
