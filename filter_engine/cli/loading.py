"""Loading the configuration for a command, with the sections of the built-in checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from filter_engine import checks
from filter_engine.cli.options import fail
from filter_engine.config.effective import SymbolDefault
from filter_engine.config.findings import ConfigError
from filter_engine.config.loader import load
from filter_engine.config.model import Config
from filter_engine.headers.sections import sections
from filter_engine.rules.loader import site_rules
from filter_engine.scan.declare import REGISTRY, Registry
from filter_engine.scan.plan import checks_symbols


def load_config(
    config_file: Path | None, variables: Mapping[str, str], *, status: int = 1
) -> Config:
    """The configuration; ends the program with ``status`` when it cannot be used."""
    try:
        return load_with_rules(config_file, variables)
    except ConfigError as error:
        fail(f"the configuration cannot be used:\n{error}", status)


def symbols_of(config: Config) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every symbol that the built-in checks set, with its groups."""
    return (
        (symbol.name, symbol.groups) for _, symbol in checks_symbols(config, registry_of(config))
    )


def load_with_rules(config_file: Path | None, variables: Mapping[str, str]) -> Config:
    """The configuration, with the sections of the built-in checks and of the site's rules.

    Raises ``ConfigError``, also for a rule file that cannot be used.
    """
    checks.load()
    rules = site_rules(REGISTRY, variables)
    if rules.findings:
        raise ConfigError(rules.findings)
    registry = rules.registry
    return load(config_file, variables, modules=sections(registry), groups=registry.groups())


def registry_of(config: Config) -> Registry:
    """The checks that a configuration has: the built-in ones and the site's rules."""
    checks.load()
    return site_rules(REGISTRY, config.variables).registry


def symbol_defaults(config: Config) -> dict[str, SymbolDefault]:
    """What the built-in checks and the composites say about their symbols, by name."""
    declared: dict[str, SymbolDefault] = {}
    for check, symbol in checks_symbols(config, registry_of(config)):
        said = SymbolDefault(
            symbol.score, symbol.description, symbol.groups, check.name, symbol.origin
        )
        declared.setdefault(symbol.name, said)  # a rule may set what a check declares
    composites = {
        name: SymbolDefault(
            said.score, said.description, (said.group,), "composites", said.written_at("score")
        )
        for name, said in config.composites.items()
    }
    return composites | declared
