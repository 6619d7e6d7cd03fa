"""Scores and thresholds that hosts share: Rspamd's module ``dynamic_conf``.

Redis has them under one key, a hash: ``d`` is ``{"scores": {SYMBOL: number}, "actions": {NAME:
number}, "symbols_enabled": [...], "symbols_disabled": [...]}``, ``v`` a number that rises with each
change. ``$DBDIR/dynamic_conf.json`` is what this host last took from there: it is read with the
rest of the configuration, so that a start needs no Redis. A threshold that is off is ``nan`` in
Redis (Rspamd 3.4 writes ``-nan``, and fails at ``null``), ``null`` in the file.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from filter_engine.config.dynamic import DynamicError, put
from filter_engine.config.layers import SHARED_DYNAMIC_FILE
from filter_engine.config.model import ActionsConfig
from filter_engine.config.replace_file import replace_file
from filter_engine.ucl.document import parse
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.regular_file import read_regular_file

MODULE: Final = "dynamic_conf"
PRIORITY: Final = 6
"""Over what is saved on this host alone (5), below ``override.d`` (10)."""
LIMIT: Final = 1e6
"""The largest score."""
MOST: Final = 5000
"""Symbols of one kind."""
LARGEST: Final = 1 << 20
"""Octets of ``d``."""
_MODE: Final = 0o640
_LONGEST_NAME: Final = 256
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_PLAIN: Final = re.compile(r"[-+\d.eE]*", re.ASCII)
"""What scores are written with. UCL has other numbers: ``10kb``, ``5min``, ``0x1f``."""


class Shared(NamedTuple):
    """What hosts share."""

    scores: Mapping[str, float] = MappingProxyType({})
    actions: Mapping[str, float | None] = MappingProxyType({})
    """By option (``add_header``); None: off."""
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()

    def for_redis(self) -> bytes:
        """As ``d``."""
        rest: dict[str, object] = {"scores": dict(self.scores)}
        if self.enabled:
            rest["symbols_enabled"] = self.enabled
        if self.disabled:
            rest["symbols_disabled"] = self.disabled
        names = ActionsConfig.wire_names
        actions = ",".join(
            f"{json.dumps(names[option])}:{'nan' if value is None else json.dumps(value)}"
            for option, value in self.actions.items()
        )
        return f'{json.dumps(rest, separators=(",", ":"))[:-1]},"actions":{{{actions}}}}}'.encode()


class Kept(NamedTuple):
    """What the file of this host holds."""

    version: int
    shared: Shared


def is_shared(root: UclObject) -> bool:
    """Whether a site wrote the section ``dynamic_conf``, and did not switch it off."""
    sections = [node for node in root.values(MODULE) if isinstance(node, UclObject)]
    switches = [node for section in sections for node in section.all("enabled")]
    off = any(isinstance(node, UclScalar) and node.value is False for node in switches)
    return not off and any(section.entries for section in sections)


def read_shared(text: str, where: str) -> Shared:
    """Read ``d``, or the same of the file. Raises ``DynamicError`` that names what is wrong."""
    if len(text) > LARGEST:
        raise DynamicError(f"{where}: larger than {LARGEST} octets")
    try:
        return _shared(parse(text, where))
    except UclError as error:
        raise DynamicError(f"{where}: {_said(error)}") from error


def read_kept(dbdir: str) -> Kept | None:
    """What the file of this host holds; None where there is none that can be read."""
    path = _path(dbdir)
    try:
        root = parse(_content(path), path)
        return Kept(_version(root), _shared(root))
    except (OSError, UclError):
        return None


def keep(dbdir: str, kept: Kept) -> None:
    """Replace the file of this host. Raises ``DynamicError``."""
    shared = kept.shared
    text = json.dumps(
        {
            "version": kept.version,
            "scores": dict(shared.scores),
            "actions": dict(shared.actions),
            "symbols_enabled": shared.enabled,
            "symbols_disabled": shared.disabled,
        },
        indent=1,
    )
    path = Path(_path(dbdir))
    try:
        replace_file(path, f"{text}\n".encode(), _MODE)
    except OSError as error:
        raise DynamicError(f"cannot write {path}: {error.strerror}") from error


def add_shared(root: UclObject, dbdir: str, unusable: Container[str] = ()) -> dict[str, str]:
    """Put what the file of this host holds into ``root``, before it is bound.

    Returns path -> why if it exists and cannot be used; what is ``unusable`` is passed over.
    """
    path = _path(dbdir)
    if path in unusable or not is_shared(root):
        return {}
    try:
        kept = parse(_content(path), path)
        shared = _shared(kept)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return {path: f"cannot read the file: {error.strerror}"}
    except UclError as error:
        return {path: _said(error)}
    for name, node in _pairs(kept, "scores"):
        value = UclScalar(shared.scores[name], node.origin)
        put(root, ("symbols", name, "score"), value, PRIORITY)
    for name, node in _pairs(kept, "actions"):
        option = name.replace(" ", "_")
        put(root, ("actions", option), UclScalar(shared.actions[option], node.origin), PRIORITY)
    for key, runs in (("symbols_enabled", True), ("symbols_disabled", False)):
        for node in _items(kept, key):
            name = _name(node)
            put(root, ("symbols", name, "enabled"), UclScalar(runs, node.origin), PRIORITY)
    return {}


def _path(dbdir: str) -> str:
    return os.path.abspath(os.path.join(dbdir, SHARED_DYNAMIC_FILE))


def _content(path: str) -> str:
    return read_regular_file(path, 2 * LARGEST).decode("utf-8", "surrogateescape")


def _said(error: UclError) -> str:
    return f"line {error.line}: {error.message}" if error.line else error.message


def _wrong(node: UclNode, message: str) -> UclError:
    return UclError(message, node.origin.file, node.origin.line, node.origin.column)


def _shared(root: UclObject) -> Shared:
    """Raises ``UclError``."""
    options = {name: option for option, name in ActionsConfig.wire_names.items()}
    actions: dict[str, float | None] = {}
    for name, node in _pairs(root, "actions"):
        option = options.get(name.replace("_", " "))
        if option is None:
            raise _wrong(node, f"actions: there is no action {name[:100]!r}")
        actions[option] = _threshold(name, node)
    return Shared(
        {name: _number(f"scores: {name[:100]!r}", node) for name, node in _pairs(root, "scores")},
        actions,
        tuple(_name(node) for node in _items(root, "symbols_enabled")),
        tuple(_name(node) for node in _items(root, "symbols_disabled")),
    )


def _version(root: UclObject) -> int:
    node = root.get("version")
    value = node.value if isinstance(node, UclScalar) else None
    return value if isinstance(value, int) else 0


def _pairs(root: UclObject, key: str) -> list[tuple[str, UclNode]]:
    node = root.get(key)
    if isinstance(node, UclArray) and not node.items:
        return []  # an empty table of Lua
    if node is None:
        return []
    if not isinstance(node, UclObject):
        raise _wrong(node, f'{key}: expected {{"NAME": number}}')
    if len(node.entries) > MOST:
        raise _wrong(node, f"{key}: more than {MOST} names")
    for name, values in node.entries.items():
        if len(name) > _LONGEST_NAME:
            raise _wrong(values[0], f"{key}: a name of more than {_LONGEST_NAME} characters")
        if _CONTROL.search(name):
            raise _wrong(values[0], f"{key}: {name!r}: a name has no control characters")
    return [(name, values[-1]) for name, values in node.entries.items()]


def _items(root: UclObject, key: str) -> Iterator[UclNode]:
    node = root.get(key)
    if node is None or (isinstance(node, UclObject) and not node.entries):
        return
    if not isinstance(node, UclArray) or len(node.items) > MOST:
        raise _wrong(node, f'{key}: expected ["NAME", ...], at most {MOST}')
    yield from node.items


def _name(node: UclNode) -> str:
    value = node.value if isinstance(node, UclScalar) else None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise _wrong(node, "expected the name of a symbol")
    if _CONTROL.search(value):
        raise _wrong(node, f"{value!r}: a name has no control characters")
    return value


def _threshold(name: str, node: UclNode) -> float | None:
    value = node.value if isinstance(node, UclScalar) else ...
    if value is None or str(value).lower().lstrip("-") == "nan":
        return None
    return _number(f"actions: {name!r}", node)


def _number(what: str, node: UclNode) -> float:
    """A number, or Rspamd's ``{"score": number}``."""
    score = node.get("score") if isinstance(node, UclObject) else node
    value = score.value if isinstance(score, UclScalar) else None
    said = str(value) if isinstance(score, UclScalar) else "a section"
    if isinstance(score, UclScalar) and not _PLAIN.fullmatch(score.text):
        value, said = None, score.text
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _wrong(node, f"{what}: {said[:50]!r} is no score")
    if abs(value) > LIMIT:
        raise _wrong(node, f"{what}: {value} is over {LIMIT:g}")
    return float(value)
