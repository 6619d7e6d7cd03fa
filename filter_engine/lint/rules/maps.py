"""Maps in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from filter_engine.config.findings import Finding
from filter_engine.config.map_definition import MapDefinition, Scheme
from filter_engine.config.schema import Section
from filter_engine.lint.declare import rule
from filter_engine.lint.host import Account
from filter_engine.lint.situation import Situation


@rule(
    "unreadable-map",
    needs_host=True,
    doc="The file of a map is missing, or the account of the engine (--user) may not read it: the "
    "map is empty, and what asks it finds nothing.",
)
def unreadable_map(situation: Situation) -> Iterator[Finding]:
    """Every map in a file exists and can be read; of a fallback nobody is told."""
    host = situation.host
    assert host is not None
    account = Account.named(host.user)
    for module, section in situation.config.modules.items():
        if not situation.config.is_enabled(module):
            continue
        for name, definition in _maps(section, module):
            for source in definition.sources:
                if source.scheme is not Scheme.FILE or source.fallback:
                    continue
                why = host.why_unreadable(source.location, account)
                if why:
                    yield situation.finding(
                        "unreadable-map",
                        source.origin,
                        f"{name}: map {source.location}: {why}: the map is empty",
                        "put the file there, or write fallback+file:// before a path that may miss",
                    )


def _maps(section: Section, name: str) -> Iterator[tuple[str, MapDefinition]]:
    """Every map in a section and the sections below, with its name."""
    if getattr(section, "enabled", True) is False:
        return
    for made in fields(section):
        value = getattr(section, made.name)
        if isinstance(value, MapDefinition):
            yield f"{name}.{made.name}", value
        elif isinstance(value, Section):
            yield from _maps(value, f"{name}.{made.name}")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, Section):
                    yield from _maps(inner, f"{name}.{key}")
                elif isinstance(inner, MapDefinition):
                    yield f"{name}.{key}", inner
