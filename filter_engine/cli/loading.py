"""Loading the configuration for a command, with the sections of the built-in checks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filter_engine import checks
from filter_engine.cli.options import fail
from filter_engine.config.effective import SymbolDefault
from filter_engine.config.findings import ConfigError
from filter_engine.config.loader import load
from filter_engine.config.map_definition import MapDefinition, MapKind, Scheme
from filter_engine.config.model import Config
from filter_engine.config.origin import Origin
from filter_engine.headers.sections import sections
from filter_engine.rules.loader import site_rules
from filter_engine.scan.declare import REGISTRY, Registry
from filter_engine.scan.plan import checks_symbols
from filter_engine.scan.symbol_defaults import symbol_defaults as declared_symbols

if TYPE_CHECKING:
    from filter_engine.checks.signing.options import SigningOptions
    from filter_engine.checks.signing.places import NamedKey
    from filter_engine.maps.map import Map


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


def key_files_of(config: Config) -> Iterator[tuple[str, str, Origin]]:
    """(module, path, where it is named) of each key file that mail may be signed with."""
    for module, found in signing_keys_of(config):
        if found.path:
            yield module, found.path, found.origin


def signing_keys_of(config: Config) -> Iterator[tuple[str, NamedKey]]:
    """(module, key) of each key that mail may be signed with."""
    from filter_engine.checks.signing.places import every_key

    for module, options in signing_modules(config):
        maps = (
            words_of(config, definition, f"{module}.{name}")
            for name, definition in (
                ("path_map", options.path_map),
                ("selector_map", options.selector_map),
                ("key_table", options.key_table),
            )
        )
        for found in every_key(options, *maps):
            yield module, found


def signing_modules(config: Config) -> Iterator[tuple[str, SigningOptions]]:
    """The modules that sign or seal, as far as they run."""
    from filter_engine.checks.signing.options import SigningOptions

    for module, options in config.modules.items():
        if isinstance(options, SigningOptions) and config.is_enabled(module):
            yield module, options


def words_of(config: Config, definition: MapDefinition | None, where: str) -> Map:
    """A map's entries as words, also where they are patterns, which nobody asks for here.

    Empty where its files cannot be read: lint says so by a rule of its own.
    """
    from filter_engine.maps.maps import Maps

    files = definition.sources if definition is not None else ()
    readable = all(
        os.access(file.location, os.R_OK) for file in files if file.scheme is Scheme.FILE
    )
    bare = replace(definition, kind=None) if definition is not None and readable else None
    return Maps(config).of(bare, MapKind.HASH, where)


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
    """What the built-in checks, the site's rules and the composites say about their symbols."""
    return declared_symbols(config, registry_of(config))
