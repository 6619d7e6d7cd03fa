"""Sections with keys of the site's choosing, each with one value: tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from filter_engine.config.kinds import merged_object
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.ucl.nodes import UclArray, UclNode

T = TypeVar("T")


def table_of(kind: Kind[T]) -> Kind[Mapping[str, T]]:
    """A section with keys of the site's choosing, each with a value of ``kind``."""

    def convert(nodes: list[UclNode], binder: Binder) -> Mapping[str, T]:
        found: dict[str, T] = {}
        flat = [
            item
            for node in nodes
            for item in (node.items if isinstance(node, UclArray) else (node,))
        ]
        for key, values in merged_object(flat).entries.items():
            try:
                found[key] = kind.convert(values, binder)
            except MisfitError as misfit:
                raise MisfitError(
                    f"{key}: {misfit}", misfit.hint, misfit.node or values[0]
                ) from None
        return MappingProxyType(found)

    return Kind(f"section of {kind.name}", convert, multiple=True)
