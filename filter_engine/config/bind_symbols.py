"""Binding groups and what a site says about symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import merged_object, sections_of
from filter_engine.config.layers import strength
from filter_engine.config.model import GroupConfig, SymbolConfig
from filter_engine.config.schema import Binder, MisfitError, options_of
from filter_engine.ucl.nodes import Origin as Place
from filter_engine.ucl.nodes import UclNode, UclObject

_GROUPS = sections_of(GroupConfig, "group")
_SYMBOLS = sections_of(SymbolConfig, "symbol")


def bind_groups(
    root: UclObject, binder: Binder
) -> tuple[Mapping[str, GroupConfig], Mapping[str, SymbolConfig]]:
    """The groups, and every symbol named in a group or in ``symbols { }``.

    A symbol named in several places takes each of its options from the strongest layer; between
    equals ``symbols { }`` wins over a group, and a later group over an earlier one.
    """
    places = [root, *_metrics(root)]
    groups = _named(places, ("group",), _GROUPS.convert, binder)
    symbols: dict[str, SymbolConfig] = {}
    for name, group in groups.items():
        for symbol, said in group.symbols.items():
            grouped = replace(said, groups=tuple(dict.fromkeys((name, *said.groups))))
            symbols[symbol] = _joined(symbol, symbols.get(symbol), grouped, binder)
    for symbol, said in _named(places, ("symbols", "symbol"), _SYMBOLS.convert, binder).items():
        symbols[symbol] = _joined(symbol, symbols.get(symbol), said, binder)
    return MappingProxyType(groups), MappingProxyType(symbols)


def _metrics(root: UclObject) -> list[UclObject]:
    """The older ``metric { ... }`` around groups and symbols."""
    return [node for node in root.all("metric") if isinstance(node, UclObject)]


def _named(
    places: Iterable[UclObject], keys: Iterable[str], convert: Any, binder: Binder
) -> dict[str, Any]:
    nodes: list[UclNode] = [node for place in places for key in keys for node in place.all(key)]
    if not nodes:
        return {}
    try:
        return dict(convert([merged_object(nodes)], binder))
    except MisfitError as misfit:
        binder.report(
            Severity.ERROR, "wrong-type", misfit.node or nodes[0], str(misfit), misfit.hint
        )
        return {}


def _joined(
    symbol: str, first: SymbolConfig | None, second: SymbolConfig, binder: Binder
) -> SymbolConfig:
    """Two statements about one symbol as one, option by option."""
    if first is None:
        return second
    values: dict[str, Any] = {}
    origins = dict(first.origins)
    for option in options_of(SymbolConfig):
        name = option.attribute
        if name not in second.origins:
            continue
        if name in origins and strength(origins[name].layer) > strength(second.origins[name].layer):
            continue
        if name in origins and not option.kind.multiple:
            _tell_loser(symbol, name, first, second, binder)
        values[name] = getattr(second, name)
        origins[name] = second.origins[name]
    values["groups"] = tuple(dict.fromkeys((*first.groups, *second.groups)))
    return replace(first, **values, origins=MappingProxyType(origins))


def _tell_loser(
    symbol: str, name: str, first: SymbolConfig, second: SymbolConfig, binder: Binder
) -> None:
    """Report a value that another one of the same layer replaces."""
    lost, counts = first.origin(name), second.origin(name)
    if lost.layer is not counts.layer or getattr(first, name) == getattr(second, name):
        return
    binder.report(
        Severity.WARNING,
        "repeated-option",
        UclObject(origin=Place(lost.file, lost.line, lost.column)),
        f"symbol {symbol!r}.{name} is written here and at {counts}, which counts",
        "remove one of the two",
    )
