"""What the schemas say of a place in the configuration, be it served here or Rspamd's alone.

The one way from a name that stands in a file to its ``Option``: what is shown, explained, hidden or
documented asks here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import TypeAlias

from filter_engine.config import rspamd
from filter_engine.config.composites import CompositeConfig
from filter_engine.config.kinds import BOOLEAN
from filter_engine.config.model import (
    ActionsConfig,
    GroupConfig,
    LoggingConfig,
    OptionsConfig,
    RedisConfig,
    SymbolConfig,
)
from filter_engine.config.schema import REST, Option, Schema, Section, options_of
from filter_engine.config.settings import SettingsRule
from filter_engine.config.workers import WORKER_TYPES
from filter_engine.lazy_dataclass import frozen

NAME = "NAME"
"""Stands in a path for a name of the site's choosing."""

ENABLED = Option("enabled", "enabled", BOOLEAN, True, "", "whether the module's checks run")
"""The option that every module has without declaring it."""

Inner: TypeAlias = type[Section] | Schema
Modules: TypeAlias = Mapping[str, type[Section]]

_NONE: Mapping[str, Option] = MappingProxyType({})
_NO_HINTS: Mapping[str, str] = MappingProxyType({})


@frozen
class CoreSection:
    """A section that the engine binds itself."""

    name: str
    #: Its file in ``local.d`` and ``override.d``.
    file: str
    schema: type[Section]
    #: Whether such sections stand under names of the site's: ``group "NAME" { }``.
    named: bool = False


CORE = (
    CoreSection("options", "options.inc", OptionsConfig),
    CoreSection("logging", "logging.inc", LoggingConfig),
    *(
        CoreSection(f"worker.{cls.kind}", f"worker-{cls.kind.removeprefix('rspamd_')}.inc", cls)
        for cls in dict.fromkeys(WORKER_TYPES.values())
    ),
    CoreSection("actions", "actions.conf", ActionsConfig),
    CoreSection("group", "groups.conf", GroupConfig, named=True),
    CoreSection("symbols", "groups.conf", SymbolConfig, named=True),
    CoreSection("composites", "composites.conf", CompositeConfig, named=True),
    CoreSection("settings", "settings.conf", SettingsRule, named=True),
    CoreSection("redis", "redis.conf", RedisConfig),
)
"""Every one of them, in the order of the documentation."""


@frozen
class Place:
    """One section as it is declared; ``NOWHERE`` where nothing is."""

    #: Options by key; those that are sections are among them.
    served: Mapping[str, Option] = field(default_factory=lambda: _NONE)
    #: Rspamd's, without effect here. They may be loaded when somebody looks (``rspamd.unserved``).
    known: Mapping[str, Option] = field(default_factory=lambda: _NONE)
    #: Names that once worked -> what to do instead.
    retired: Mapping[str, str] = field(default_factory=lambda: _NO_HINTS)
    #: Page of Rspamd's documentation below its root.
    anchor: str = ""
    #: Sections inside that are no options: the kinds of ``worker``.
    sections: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    #: What stands under names of the site's choosing; None: there are none.
    names: Place | None = None

    def option(self, name: str) -> Option | None:
        """The option of this key or other spelling."""
        for options in (self.served, self.known):
            found = options.get(name)
            if found is not None:
                return found
            for option in options.values():
                if name in option.aliases:
                    return option
        return None

    def value(self, name: str) -> Option | None:
        """As ``option``, for a plain value: where rules have names, one may stand without."""
        found = self.option(name)
        return self.names.option(name) if found is None and self.names is not None else found

    def below(self, name: str) -> Place:
        """The section under ``name``."""
        if name in self.sections:
            return self.sections[name]
        option = self.option(name)
        if option is None:
            return self.names or NOWHERE
        inner = option.kind.inner
        if inner is None:
            return NOWHERE
        return Place(names=of(inner)) if option.kind.named else of(inner)


NOWHERE = Place()


def of(inner: Inner) -> Place:
    """A schema as a place."""
    if isinstance(inner, Schema):
        names = None if inner.rules is None else of(inner.rules)
        place = Place(known=inner.options, retired=inner.retired, anchor=inner.anchor)
        if not inner.rules_key:
            return replace(place, names=names)
        return replace(place, sections={inner.rules_key: Place(names=names)})
    served = {option.key: option for option in options_of(inner)}
    rest = served.pop(REST, None)
    rules = None if rest is None or rest.kind.inner is None else of(rest.kind.inner)
    return Place(served, inner.known, inner.retired, inner.anchor, names=rules)


def module(cls: type[Section]) -> Place:
    """A served module's section; ``enabled``, which every module has, need not be declared."""
    place = of(cls)
    return replace(place, served={**place.served, "enabled": place.served.get("enabled", ENABLED)})


def top(name: str, modules: Modules | None = None) -> Place:
    """What is declared of a section at the top; ``modules`` are those that checks serve."""
    if name == "worker":
        kinds = {kind: of(cls) for kind, cls in WORKER_TYPES.items()}
        return Place(sections=kinds)
    for core in CORE:
        if core.name == name:
            place = of(core.schema)
            return Place(names=place) if core.named else place
    if modules is not None and name in modules:
        return module(modules[name])
    schema = rspamd.find(name)
    return NOWHERE if schema is None else of(schema)


def find(path: str, modules: Modules | None = None) -> Option | None:
    """The option of a dotted path such as ``options.dns.timeout`` or ``group.NAME.max_score``."""
    name, _, rest = path.partition(".")
    return inside(top(name, modules), rest.split(".")) if rest else None


def inside(place: Place, words: Sequence[str]) -> Option | None:
    """The option at a path below ``place``; names of the site's may have dots in them."""
    for count in range(len(words), 0, -1):
        name, rest = ".".join(words[:count]), words[count:]
        option = place.option(name)
        if not rest:
            if option is not None and not _has_options(option):
                return option
            continue
        below = place.below(name)
        found = None if below is NOWHERE else inside(below, rest)
        if found is not None:
            return found
    return None


def _has_options(option: Option) -> bool:
    """Whether it is a section whose options can be named."""
    inner = option.kind.inner
    return inner is not None and (
        not isinstance(inner, Schema) or bool(inner.options) or inner.rules is not None
    )
