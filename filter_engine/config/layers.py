"""Which layer a file belongs to, told by its path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from filter_engine.config.origin import Layer, Origin
from filter_engine.ucl.nodes import UclNode

DYNAMIC_DIRECTORY = "dynamic"
"""Directory below ``$DBDIR`` where the controller saves what is changed through it."""

RSPAMDS_DYNAMIC_FILE = "rspamd_dynamic"
"""File in ``$DBDIR`` where Rspamd's controller saves scores and actions (JSON)."""

SHARED_DYNAMIC_FILE = "dynamic_conf.json"
"""File in ``$DBDIR`` of the scores and thresholds that hosts share through Redis."""

MAIN_FILES = ("filter_engine.conf.local", "rspamd.conf.local")
"""Files of a site at the top level, each with one of the name ``NAME.override`` beside it."""

SITE_FOLDERS = (Layer.LOCAL.value, Layer.OVERRIDE.value)
"""Folders of a site whose files are merged into the shipped ones, or replace them."""

#: Weakest first; a later one wins over an earlier one.
_STRENGTH = {layer: number for number, layer in enumerate(Layer)}


def strength(layer: Layer) -> int:
    """The rank of a layer: higher wins."""
    return _STRENGTH[layer]


class Placing(Protocol):
    """Whoever knows the layer of a node."""

    def origin(self, node: UclNode) -> Origin:
        """The origin of a node with its layer."""


def counted(nodes: list[UclNode], places: Placing, *, multiple: bool) -> list[UclNode]:
    """Those of several values for one option that are used.

    UCL settles this for values of one key in one section. Here are the others: another spelling of
    the option, a second section of the same name. Of an option with one value (``multiple`` false)
    the highest priority counts; of a list all count, but ``override.d`` replaces the rest.
    """
    if len(nodes) < 2:
        return nodes
    if not multiple:
        highest = max(node.priority for node in nodes)
        return [node for node in nodes if node.priority == highest]
    replacing = [node for node in nodes if places.origin(node).layer is Layer.OVERRIDE]
    return replacing or nodes


class Layers:
    """Tells the layer of a file from the directories of the configuration."""

    __slots__ = ("_cache", "_directories", "_roots")

    def __init__(self, variables: Mapping[str, str]) -> None:
        found: list[tuple[str, Layer]] = []
        local = variables.get("LOCAL_CONFDIR")
        if local:
            found.append((_directory(local, "local.d"), Layer.LOCAL))
            found.append((_directory(local, "override.d"), Layer.OVERRIDE))
            for name in MAIN_FILES:
                found.append(
                    (os.path.abspath(os.path.join(local, f"{name}.override")), Layer.OVERRIDE)
                )
                found.append((os.path.abspath(os.path.join(local, name)), Layer.SITE))
        if variables.get("DBDIR"):
            found.append((_directory(variables["DBDIR"], DYNAMIC_DIRECTORY), Layer.DYNAMIC))
            for name in (RSPAMDS_DYNAMIC_FILE, SHARED_DYNAMIC_FILE):
                saved = os.path.join(variables["DBDIR"], name)
                found.append((os.path.abspath(saved), Layer.DYNAMIC))
        if variables.get("CONFDIR"):
            found.append((_directory(variables["CONFDIR"]), Layer.SHIPPED))
        self._directories = tuple(found)
        roots = (variables.get(name) for name in ("LOCAL_CONFDIR", "DBDIR", "CONFDIR"))
        self._roots = tuple(_directory(root) for root in roots if root)
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

    def shown(self, origin: Origin) -> str:
        """An origin for people, short: ``local.d/options.inc:3``, ``shipped groups.conf:12``."""
        if not origin.line:
            return str(origin.layer)
        root = next((root for root in self._roots if origin.file.startswith(root)), "")
        place = f"{origin.file[len(root) :]}:{origin.line}"
        return place if place.startswith(f"{origin.layer}/") else f"{origin.layer} {place}"


def _directory(*parts: str) -> str:
    return os.path.join(os.path.abspath(os.path.join(*parts)), "")
