"""Why an option has its value: every layer that spoke, and which one won."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from filter_engine.config import declared
from filter_engine.config.declared import NOWHERE, Place
from filter_engine.config.dump import origin_as_dict
from filter_engine.config.effective import (
    Branch,
    Leaf,
    SymbolDefault,
    effective,
    leaves,
    value_node,
)
from filter_engine.config.layers import Layers, counted, strength
from filter_engine.config.model import Config
from filter_engine.config.origin import BUILTIN, Layer, Origin
from filter_engine.config.resolve import UnknownKeyError, resolve, unnumbered
from filter_engine.config.schema import Option
from filter_engine.config.secrets import hidden, is_secret
from filter_engine.config.sections import OWN
from filter_engine.config.spoken import Spoken, below, pieces, workers
from filter_engine.config.workers import WORKER_TYPES
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclNode, UclObject, UclScalar, to_python


class Role(StrEnum):
    """What became of a value somebody wrote."""

    WINS = "wins"
    ADDED = "added"
    REPLACED = "replaced"
    UNUSED = "not used"


@frozen
class Statement:
    """One value that one place gave an option; ``by`` is what replaced it."""

    layer: Layer
    origin: Origin
    value: UclNode
    role: Role
    by: Origin | None = None

    def as_dict(self) -> dict[str, object]:
        """The statement for JSON."""
        shown: dict[str, object] = {
            "value": to_python(self.value),
            "role": str(self.role),
            "origin": origin_as_dict(self.origin),
        }
        return shown if self.by is None else shown | {"replaced_by": origin_as_dict(self.by)}


@frozen
class Explanation:
    """One option: its value, what it means, and who said what, the strongest first."""

    key: str
    value: UclNode
    origin: Origin
    kind: str
    unit: str
    doc: str
    default: UclNode
    #: False for an option of Rspamd's that this engine does not use.
    served: bool
    statements: tuple[Statement, ...]

    def as_dict(self) -> dict[str, object]:
        """The explanation for JSON."""
        return {
            "key": self.key,
            "value": to_python(self.value),
            "origin": origin_as_dict(self.origin),
            "type": self.kind,
            "unit": self.unit,
            "doc": self.doc,
            "default": to_python(self.default),
            "served": self.served,
            "statements": [statement.as_dict() for statement in self.statements],
        }


def explain(
    config: Config,
    key: str,
    defaults: Mapping[str, SymbolDefault] | None = None,
    *,
    show_secrets: bool = False,
) -> Explanation:
    """Explain one option by its dotted name, e.g. ``worker.proxy.upstream.scan.hosts``.

    ``defaults`` are the symbols that checks declare. Raises ``UnknownKeyError``, also when ``key``
    names a section.
    """
    found = explain_all(config, key, defaults, show_secrets=show_secrets)
    if len(found) == 1:
        return found[0]
    hint = f"name one of its options, e.g. {found[0].key}" if found else "it is empty"
    raise UnknownKeyError(f"{key} is a section", hint)


def explain_all(
    config: Config,
    key: str,
    defaults: Mapping[str, SymbolDefault] | None = None,
    *,
    show_secrets: bool = False,
) -> tuple[Explanation, ...]:
    """As ``explain``; of a section, every option in it."""
    top = effective(config, defaults, unwritten=True)
    modules = {name: type(section) for name, section in config.modules.items()}
    path, entry, rest = resolve(top, key, modules)
    if len(path) == 5 and path[0] == "group" and path[2] == "symbols":
        # what a group says of a symbol is one voice of several: all of them decide
        path = path[2:]
        _, entry, _ = resolve(top, ".".join(path), modules)
    explainer = _Explainer(config, top, show_secrets=show_secrets)
    if rest:
        return (explainer.not_served(path, entry, rest),)
    if isinstance(entry, Leaf):
        return (explainer.leaf(path, entry),)
    return tuple(explainer.leaf(inner, leaf) for inner, leaf in leaves(entry, path))


class _Explainer:
    """Explains options of one configuration."""

    def __init__(self, config: Config, top: Branch, *, show_secrets: bool) -> None:
        self._root = config.tree
        self._modules = {name: type(section) for name, section in config.modules.items()}
        self._served = OWN.union(config.modules)
        self._layers = Layers(config.variables)
        self._top = top
        self._show_secrets = show_secrets

    def leaf(self, path: tuple[str, ...], leaf: Leaf) -> Explanation:
        option = leaf.option
        multiple = option is not None and option.kind.multiple
        default = UclScalar(None) if option is None else value_node(option.default)
        served = path[0] in self._served and (option is None or option.served)
        spoken = [part for told in self._spoken(path) for part in pieces(told)]
        statements = list(self._statements(spoken, leaf, multiple=multiple))
        if option is not None and (option.served or option.default is not None):
            winner = next((s.origin for s in statements if s.role is not Role.REPLACED), None)
            role = Role.WINS if winner is None else Role.REPLACED
            built_in = Statement(Layer.BUILTIN, BUILTIN, default, role, winner)
            statements.insert(len(statements) if winner else 0, built_in)
        shown = [
            replace(
                s,
                value=self._shown(s.value, leaf.secret, leaf.place),
                role=s.role if served else Role.UNUSED,
            )
            for s in statements
        ]
        return Explanation(
            key=".".join(path),
            value=leaf.shown(show_secrets=self._show_secrets),
            origin=leaf.origin,
            kind="" if option is None else option.kind.name,
            unit="" if option is None else option.unit,
            doc="" if option is None else option.doc,
            default=default,
            served=served,
            statements=tuple(shown),
        )

    def not_served(
        self, path: tuple[str, ...], entry: Leaf | Branch, rest: tuple[str, ...]
    ) -> Explanation:
        """An option of Rspamd's that may be written and has no effect here."""
        assert isinstance(entry, Branch)
        place, name = entry.place, rest[-1]
        option = place.option(name) if len(rest) == 1 else declared.inside(place, rest)
        secret = is_secret(place, name) if option is None else option.secret
        inner = place.below(name) if len(rest) == 1 else NOWHERE
        statements = [
            Statement(origin.layer, origin, self._shown(told.node, secret, inner), Role.UNUSED)
            for told in self._spoken((*path, *rest))
            for origin in [self._layers.origin(told.node)]
        ]
        return Explanation(
            key=".".join((*path, *rest)),
            value=UclScalar(None),
            origin=BUILTIN,
            kind="" if option is None else option.kind.name,
            unit="" if option is None else option.unit,
            doc=place.retired.get(name, "" if option is None else option.doc),
            default=UclScalar(None) if option is None else value_node(option.default),
            served=False,
            statements=tuple(statements),
        )

    def _shown(self, node: UclNode, secret: bool, place: Place) -> UclNode:
        return node if self._show_secrets else hidden(node, secret=secret, place=place)

    def _statements(
        self, spoken: Sequence[Spoken], leaf: Leaf, *, multiple: bool
    ) -> Iterator[Statement]:
        """Winners first, then what they replaced, the strongest layer first."""
        used = [told for told in spoken if told.lost_to is None]
        counting = counted([told.node for told in used], self._layers, multiple=multiple)
        winners = [told for told in used if any(told.node is node for node in counting)]
        if not multiple:
            origins = [self._layers.origin(told.node) for told in used]
            bound = [told for told, at in zip(used, origins, strict=True) if at == leaf.origin]
            winners = (bound or winners)[:1]
        for number, told in enumerate(winners):
            origin = self._layers.origin(told.node)
            yield Statement(origin.layer, origin, told.node, Role.ADDED if number else Role.WINS)
        losers = [told for told in spoken if not any(told is winner for winner in winners)]
        for told in sorted(losers, key=self._rank):
            origin = self._layers.origin(told.node)
            by = told.lost_to or (winners[0].node if winners else None)
            yield Statement(
                origin.layer,
                origin,
                told.node,
                Role.REPLACED,
                None if by is None else self._layers.origin(by),
            )

    def _rank(self, told: Spoken) -> tuple[int, int]:
        return -strength(self._layers.of(told.node.origin.file)), -told.node.priority

    def _spoken(self, path: tuple[str, ...]) -> list[Spoken]:
        """Every value written for an option."""
        root = [Spoken(self._root)]
        places = [*root, *below(root, ("metric",))]
        branch = self._inside(self._top, path[0])
        if not branch.entries:
            branch = Branch(place=declared.top(path[0], self._modules))
        if path[0] == "worker":
            kind, number = unnumbered(path[1])
            names = [name for name, cls in WORKER_TYPES.items() if cls.kind == kind]
            start = workers(self._root, names, number)
            return self._walk(start, self._inside(branch, path[1]), path[2:])
        if path[0] == "actions":
            return self._walk(below(places, ("actions",)), branch, path[1:])
        if path[0] == "group":
            return self._walk(below(places, ("group",)), branch, path[1:])
        if path[0] == "composites":
            return self._walk(below(root, ("composites", "composite")), branch, path[1:])
        if path[0] == "symbols":
            return self._of_symbol(places, branch, path[1], path[2:])
        return self._walk(below(root, (path[0],)), branch, path[1:])

    def _of_symbol(
        self, places: list[Spoken], branch: Branch, name: str, rest: tuple[str, ...]
    ) -> list[Spoken]:
        """``symbols { }`` and every group may speak of a symbol."""
        keys = ("symbols", "symbol")
        groups = below(places, ("group",))
        named = [
            group
            for told in groups
            if isinstance(told.node, UclObject)
            for group in below([told], list(told.node))
        ]
        sections = below([*places, *named], keys)
        return self._walk(below(sections, (name,)), self._inside(branch, name), rest)

    def _walk(self, start: list[Spoken], branch: Branch, path: tuple[str, ...]) -> list[Spoken]:
        found = start
        for step in path:
            name, number = unnumbered(step)
            option = branch.place.value(name)
            name = name if option is not None or number > 1 else step
            found = below(found, _spellings(name, option))
            if number > 1 or len(branch.entries.get(name, ())) > 1:
                used = [told for told in found if told.lost_to is None]
                found = used[number - 1 : number]
            branch = self._inside(branch, step)
        return found

    @staticmethod
    def _inside(branch: Branch, step: str) -> Branch:
        name, number = (step, 1) if step in branch.entries else unnumbered(step)
        found = branch.entries.get(name, ())
        inner = found[number - 1] if len(found) >= number else None
        return inner if isinstance(inner, Branch) else Branch(place=branch.place.below(name))


def _spellings(name: str, option: Option | None) -> tuple[str, ...]:
    return (name,) if option is None else (option.key, *option.aliases)
