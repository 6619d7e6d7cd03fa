"""Which layer a file belongs to, told by its path."""

from __future__ import annotations

import os
from collections.abc import Mapping

from filter_engine.config.origin import Layer, Origin
from filter_engine.ucl.nodes import UclNode

#: Weakest first; a later one wins over an earlier one.
_STRENGTH = {layer: number for number, layer in enumerate(Layer)}


def strength(layer: Layer) -> int:
    """The rank of a layer: higher wins."""
    return _STRENGTH[layer]


class Layers:
    """Tells the layer of a file from the directories of the configuration."""

    __slots__ = ("_cache", "_directories")

    def __init__(self, variables: Mapping[str, str]) -> None:
        found: list[tuple[str, Layer]] = []
        local = variables.get("LOCAL_CONFDIR")
        if local:
            found.append((_directory(local, "local.d"), Layer.LOCAL))
            found.append((_directory(local, "override.d"), Layer.OVERRIDE))
        if variables.get("DBDIR"):
            found.append((_directory(variables["DBDIR"], "dynamic"), Layer.DYNAMIC))
        if variables.get("CONFDIR"):
            found.append((_directory(variables["CONFDIR"]), Layer.SHIPPED))
        self._directories = tuple(found)
        self._cache: dict[str, Layer] = {}

    def of(self, file: str) -> Layer:
        """The layer of a file; ``Layer.SITE`` for one outside the known directories."""
        layer = self._cache.get(file)
        if layer is None:
            path = os.path.abspath(file)
            layer = next((lay for start, lay in self._directories if path.startswith(start)), None)
            layer = self._cache[file] = layer or Layer.SITE
        return layer

    def origin(self, node: UclNode) -> Origin:
        """The origin of a node with its layer."""
        place = node.origin
        return Origin(place.file, place.line, place.column, self.of(place.file))


def _directory(*parts: str) -> str:
    return os.path.join(os.path.abspath(os.path.join(*parts)), "")
