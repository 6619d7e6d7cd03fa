"""The effective configuration as a tree that a site can read: every option, its value, its origin.

``configdump``, ``config explain`` and the comparison of two configurations all show this tree, so
that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any, TypeAlias

from filter_engine.config import declared
from filter_engine.config.addresses import AddressSet
from filter_engine.config.collector import Collector
from filter_engine.config.declared import NOWHERE, Place
from filter_engine.config.expression import Expression
from filter_engine.config.kinds import merged_object
from filter_engine.config.layers import Layers
from filter_engine.config.map_definition import MapDefinition
from filter_engine.config.model import Config, RedisConfig, SymbolConfig
from filter_engine.config.origin import BUILTIN, Layer, Origin
from filter_engine.config.schema import REST, Option, Section, bind, options_of
from filter_engine.config.secrets import hidden, is_secret
from filter_engine.config.sockets import SystemdSocket, TcpSocket, UnixSocket
from filter_engine.config.upstreams import UpstreamList
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar


@frozen
class SymbolDefault:
    """What the check that sets a symbol says about it."""

    score: float
    description: str
    groups: tuple[str, ...]
    check: str
    origin: Origin = BUILTIN
    """Where the rule of a site says the score, or where the rule stands."""


@frozen
class Leaf:
    """One option with its value; ``option`` is None in sections without a schema."""

    value: UclNode
    origin: Origin
    option: Option | None = None
    secret: bool = False
    #: What is declared of sections inside the value.
    place: Place = NOWHERE

    @property
    def absent(self) -> bool:
        """Whether nobody set it and there is no default."""
        none = isinstance(self.value, UclScalar) and self.value.value is None
        return none and self.origin.layer is Layer.BUILTIN

    def shown(self, *, show_secrets: bool) -> UclNode:
        """The value, or ``HIDDEN`` for a secret that is set."""
        if show_secrets:
            return self.value
        return hidden(self.value, secret=self.secret, place=self.place)


@frozen
class Branch:
    """A section: by name its options and sections, several where a name may stand repeatedly."""

    entries: dict[str, list[Leaf | Branch]] = field(default_factory=dict)
    #: What is declared of it.
    place: Place = NOWHERE

    def find(self, name: str) -> str | None:
        """The key of an entry from its key or one of its other spellings."""
        if name in self.entries:
            return name
        option = self.place.option(name)
        return option.key if option is not None and option.key in self.entries else None


Entry: TypeAlias = Leaf | Branch


def effective(
    config: Config,
    defaults: Mapping[str, SymbolDefault] | None = None,
    *,
    unwritten: bool = False,
) -> Branch:
    """The whole configuration under the names a site would write.

    With ``defaults`` every symbol of a check is in it, else only those a site says something about.
    With ``unwritten`` also ``redis`` where no file speaks of it.
    """
    layers = Layers(config.variables)
    workers: dict[str, list[Entry]] = {}
    for worker in config.workers:
        workers.setdefault(worker.kind, []).append(_section(worker))
    top: dict[str, list[Entry]] = {
        "options": [_section(config.options)],
        "logging": [_section(config.logging)],
        "actions": [_section(config.actions)],
        "worker": [Branch(workers)],
        "group": [_named(config.groups)],
        "symbols": [_symbols(config, defaults or {})],
        "composites": [_named(config.composites)],
        "settings": [_raw(_settings(config), layers, declared.top("settings"))],
    }
    if config.redis is not None or unwritten or _written(config.tree, "redis"):
        top["redis"] = [_section(config.redis or _unset_redis(config))]
    modules = {name: type(section) for name, section in config.modules.items()}
    for name, section in sorted(config.modules.items()):
        top[name] = [_module(config, name, section, layers)]
    for name, raw in sorted(config.raw_modules.items()):
        if name not in top:
            top[name] = [_raw(raw, layers, declared.top(name, modules))]
    return Branch({key: found for key, found in top.items() if any(map(_filled, found))})


def leaves(branch: Branch, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    """Every option below a section with its path; the second ``normal`` is ``normal[2]``."""
    for key, found in branch.entries.items():
        for number, entry in enumerate(found, 1):
            path = (*prefix, key if number == 1 else f"{key}[{number}]")
            if isinstance(entry, Leaf):
                yield path, entry
            else:
                yield from leaves(entry, path)


def value_node(value: Any) -> UclNode:
    """A typed value as UCL, so that it can be shown."""
    if isinstance(value, (UclScalar, UclArray, UclObject)):
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return UclScalar(value)
    if isinstance(value, (str, UpstreamList, TcpSocket, UnixSocket, SystemdSocket)):
        return UclScalar(str(value), style='"')
    if isinstance(value, Expression):
        return UclScalar(value.text, style='"')
    if isinstance(value, AddressSet):
        return UclArray([UclScalar(str(network), style='"') for network in value])
    if isinstance(value, Section):
        return _bare(_section(value))
    if isinstance(value, Mapping):
        return UclObject({str(key): [value_node(item)] for key, item in value.items()})
    if isinstance(value, MapDefinition):
        return UclScalar(None) if value.written is None else value.written
    if isinstance(value, (tuple, list, frozenset)):
        return UclArray([value_node(item) for item in value])
    return UclScalar(str(value), style='"')


def _bare(branch: Branch) -> UclObject:
    """A section in the middle of a value: without what is not set, secrets hidden."""
    return UclObject(
        {
            key: [
                _bare(entry) if isinstance(entry, Branch) else entry.shown(show_secrets=False)
                for entry in found
            ]
            for key, found in branch.entries.items()
            if not (isinstance(found[0], Leaf) and found[0].absent)
        }
    )


def _written(root: UclObject, name: str) -> UclObject:
    """A top-level section as the files have it; its typed form (patterns) would be hard to read."""
    nodes = [node for node in root.values(name) if isinstance(node, UclObject)]
    return merged_object([*nodes]) if nodes else UclObject()


def _settings(config: Config) -> UclObject:
    """The rules that count; one that is left out (``rule-not-served``) would look effective."""
    written = _written(config.tree, "settings")
    kept = {
        key: values
        for key, values in written.entries.items()
        if key in config.settings or not isinstance(values[0], UclObject)
    }
    return UclObject(kept, written.origin)


def _filled(entry: Entry) -> bool:
    return isinstance(entry, Leaf) or bool(entry.entries)


def _section(section: Section) -> Branch:
    entries: dict[str, list[Entry]] = {}
    for option in options_of(type(section)):
        key, value = option.key, getattr(section, option.attribute)
        if key == REST:
            entries |= _named(value).entries
        elif isinstance(value, Section):
            entries[key] = [_section(value)]
        elif isinstance(value, Mapping) and all(isinstance(v, Section) for v in value.values()):
            entries[key] = [_named(value)]
        elif isinstance(value, tuple) and value and all(isinstance(v, Section) for v in value):
            entries[key] = [_section(each) for each in value]
        else:
            origin = section.origin(option.attribute)
            entries[key] = [Leaf(value_node(value), origin, option, option.secret)]
    return Branch(entries, declared.of(type(section)))


def _named(sections: Mapping[str, Section]) -> Branch:
    return Branch({name: [_section(section)] for name, section in sections.items()})


def _symbols(config: Config, defaults: Mapping[str, SymbolDefault]) -> Branch:
    found: dict[str, list[Entry]] = {}
    nothing_said = SymbolConfig()
    for name in (*config.symbols, *(name for name in defaults if name not in config.symbols)):
        branch = _section(config.symbols.get(name, nothing_said))
        default = defaults.get(name)
        if default is not None:
            _with_default(branch, "score", default.score)
            _with_default(branch, "description", default.description)
            _with_groups(branch, default.groups)
        found[name] = [branch]
    return Branch(found)


def _with_default(branch: Branch, key: str, value: object) -> None:
    """Put what the check declares under an option that a symbol's section leaves open."""
    (leaf,) = branch.entries[key]
    assert isinstance(leaf, Leaf)
    assert leaf.option is not None
    option = replace(leaf.option, default=value)
    node = value_node(value) if leaf.absent else leaf.value
    branch.entries[key] = [replace(leaf, value=node, option=option)]


def _with_groups(branch: Branch, declared: tuple[str, ...]) -> None:
    """Put the groups that the check declares before those that a site adds."""
    (leaf,) = branch.entries["groups"]
    assert isinstance(leaf, Leaf)
    assert leaf.option is not None
    assert isinstance(leaf.value, UclArray)
    names = [item.value for item in leaf.value.items if isinstance(item, UclScalar)]
    added = [UclScalar(name, style='"') for name in names if name not in declared]
    node = UclArray([*(UclScalar(name, style='"') for name in declared), *added])
    option = replace(leaf.option, default=declared)
    branch.entries["groups"] = [replace(leaf, value=node, option=option)]


def _module(config: Config, name: str, section: Section, layers: Layers) -> Branch:
    """A module's section; ``enabled``, which every module has, need not be in its schema."""
    branch = _section(section)
    if "enabled" not in branch.entries:
        raw = config.raw_modules.get(name)
        written = raw.get("enabled") if raw is not None else None
        origin = BUILTIN if written is None else layers.origin(written)
        enabled = UclScalar(config.is_enabled(name))
        branch.entries["enabled"] = [Leaf(enabled, origin, declared.ENABLED)]
        return Branch(branch.entries, declared.module(type(section)))
    return branch


def _unset_redis(config: Config) -> RedisConfig:
    """The section ``redis`` of a site that names no server; its faults are told already."""
    layers = Layers(config.variables)
    return bind(RedisConfig, _written(config.tree, "redis"), Collector(layers), "redis")


def _raw(node: UclObject, layers: Layers, place: Place, *, secret: bool = False) -> Branch:
    """A section as it is written; ``secret``: a section around it is one."""
    entries: dict[str, list[Entry]] = {}
    for key, values in node.entries.items():
        below = place.below(key)
        hide = secret or is_secret(place, key)
        entries[key] = [
            _raw(value, layers, below, secret=hide)
            if isinstance(value, UclObject)
            else Leaf(value, layers.origin(value), place.value(key), hide, below)
            for value in values
        ]
    return Branch(entries, place)
