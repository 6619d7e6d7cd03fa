"""Scores and thresholds in the dynamic layer: what ``savesymbols`` and ``saveactions`` change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from filter_engine.config import dynamic
from filter_engine.config.dynamic import DynamicError
from filter_engine.config.dynamic_conf import LIMIT, MOST
from filter_engine.config.layers import DYNAMIC_DIRECTORY
from filter_engine.config.model import ActionsConfig, Config
from filter_engine.config.origin import Layer
from filter_engine.ucl.document import parse_file
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.nodes import UclNode, UclObject, UclScalar

ACTIONS: Final = ("reject", "rewrite subject", "add header", "greylist")
"""The order in which the WebUI sends thresholds."""
UNSET: Final = "unset"
"""In a record of changes: the dynamic layer said nothing."""

Value = float | None | str
"""A score, None for an action that is off, ``UNSET``."""


class ChangeError(Exception):
    """Nothing was changed; the message says why, for people."""


class Place(NamedTuple):
    """A file of the dynamic layer and the keys above a value."""

    file: str
    above: tuple[str, ...]


ACTION_PLACE: Final = Place("actions.conf", ())
SYMBOL_PLACE: Final = Place("groups.conf", ("symbols",))


def wanted_actions(said: object, config: Config) -> dict[str, float | None]:
    """Option -> threshold of what a list of four thresholds changes; raises ``ChangeError``."""
    if not isinstance(said, list) or len(said) != len(ACTIONS):
        raise ChangeError(f"expected [{', '.join(ACTIONS)}]")
    values = [None if value is None else _number(value) for value in said]
    on = [value for value in values if value is not None]
    if any(later >= earlier for earlier, later in pairwise(on)):
        raise ChangeError(f"thresholds have to fall in the order {', '.join(ACTIONS)}")
    wire = {name: option for option, name in ActionsConfig.wire_names.items()}
    now = dict(config.actions.thresholds())
    changed: dict[str, float | None] = {}
    for name, value in zip(ACTIONS, values, strict=True):
        if value != now.get(name):
            option = wire[name]
            _may(config.actions.origin(option), name)
            changed[option] = value
    return changed


def wanted_symbols(said: object, config: Config, scores: Mapping[str, float]) -> dict[str, float]:
    """Symbol -> score of what a list of names and values changes; raises ``ChangeError``."""
    if not isinstance(said, list) or len(said) > MOST:
        raise ChangeError('expected [{"name": "...", "value": number}, ...]')
    changed: dict[str, float] = {}
    for item in said:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise ChangeError('expected [{"name": "...", "value": number}, ...]')
        name, value = item["name"], _number(item.get("value"))
        if name not in scores:
            raise ChangeError(f"there is no symbol {name[:100]!r}")
        # The WebUI sends what it shows: three digits.
        if abs(value - scores[name]) >= 0.0005:
            section = config.symbols.get(name)
            if section is not None:
                _may(section.origin("score"), name)
            changed[name] = value
    return changed


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ChangeError(f"{str(value)[:50]!r} is no score")
    if abs(value) > LIMIT:
        raise ChangeError(f"{value} is over {LIMIT:g}")
    return float(value)


def _may(origin: object, name: str) -> None:
    """What ``override.d`` says cannot be changed here: nobody would see the change."""
    if getattr(origin, "layer", None) is Layer.OVERRIDE:
        raise ChangeError(f"{name} is set in {origin}, which wins over the WebUI: change it there")


def put(dbdir: str, place: Place, values: Mapping[str, Value]) -> dict[str, Value]:
    """Write values into the dynamic layer (``UNSET`` removes one); what it said before.

    Raises ``DynamicError`` when the file cannot be read or written.
    """
    path = Path(dbdir, DYNAMIC_DIRECTORY, place.file)
    root = _read(path)
    section = root
    for key in place.above:
        inner = section.get(key)
        if not isinstance(inner, UclObject):
            inner = UclObject()
            section.entries[key] = [inner]
        section = inner
    before = {name: _get(section, name, place) for name in values}
    for name, value in values.items():
        _set(section, name, value, place)
    dynamic.save(dbdir, place.file, root)
    return before


def _read(path: Path) -> UclObject:
    try:
        return parse_file(path).root
    except FileNotFoundError:
        return UclObject()
    except OSError as error:
        raise DynamicError(f"cannot read {path}: {error.strerror}") from error
    except UclError as error:
        if not path.exists():
            return UclObject()
        raise DynamicError(f"{error}; mend or remove the file first") from error


def _get(section: UclObject, name: str, place: Place) -> Value:
    node: UclNode | None = section.get(name)
    if place is SYMBOL_PLACE and isinstance(node, UclObject):
        node = node.get("score")
    if not isinstance(node, UclScalar):
        return UNSET
    value = node.value
    if value is None:
        return None
    return float(value) if isinstance(value, (int, float)) else UNSET


def _set(section: UclObject, name: str, value: Value, place: Place) -> None:
    if value == UNSET:
        section.entries.pop(name, None)
        return
    assert not isinstance(value, str)
    node = UclScalar(value)
    if place is SYMBOL_PLACE:
        there = section.get(name)
        inner = there if isinstance(there, UclObject) else UclObject()
        inner.entries["score"] = [node]
        section.entries[name] = [inner]
    else:
        section.entries[name] = [node]
