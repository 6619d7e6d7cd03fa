"""Plain data as the text of a UCL file."""

from __future__ import annotations

from collections.abc import Mapping

from filter_engine.importers.outcome import Plain
from filter_engine.ucl.emitter import emit
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar


def ucl_text(data: Mapping[str, Plain]) -> str:
    """The data as a file of ``local.d``; what is parsed from it equals it."""
    return emit(_section(data))


def _section(data: Mapping[str, Plain]) -> UclObject:
    return UclObject({key: [_node(value)] for key, value in data.items()})


def _node(value: Plain) -> UclNode:
    if isinstance(value, Mapping):
        return _section(value)
    if isinstance(value, (list, tuple)):
        return UclArray([_node(item) for item in value])
    return UclScalar(value)
