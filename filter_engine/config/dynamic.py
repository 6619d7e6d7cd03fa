"""The dynamic layer: what is changed through the controller, saved below ``$DBDIR``.

``$DBDIR/dynamic/`` has files of the names that ``local.d`` has for scores, actions and modules;
the shipped tree includes them with priority 5. ``$DBDIR/rspamd_dynamic`` is what Rspamd's
controller saved: its scores and actions are read into the same layer.

An operator's files are an operator's fault; these are written by a program, so a broken one does
not stop the engine: the file is left out as a whole, with a warning.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from filter_engine.config.declared_files import group_file, module_file
from filter_engine.config.findings import Finding, Severity
from filter_engine.config.layers import DYNAMIC_DIRECTORY, RSPAMDS_DYNAMIC_FILE
from filter_engine.config.replace_file import replace_file
from filter_engine.config.sections import FOREIGN_GROUPS, FOREIGN_MODULES
from filter_engine.ucl.document import parse_file, parse_node
from filter_engine.ucl.emitter import emit
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.merge import Duplicate, Frame, place
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.regular_file import read_regular_file

PRIORITY = 5
"""Between ``local.d`` (1) and ``override.d`` (10)."""

MODE = 0o640
_MAX_SAVED = 4 * 1024 * 1024
#: Files besides those of modules and groups.
_FILES = ("actions.conf", "groups.conf", "redis.conf")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\.conf\Z")


class DynamicError(Exception):
    """Nothing was saved; the message says why."""


def known_files(modules: Iterable[str] = (), groups: Iterable[str] = ()) -> frozenset[str]:
    """The names that files of the dynamic layer may have, Rspamd's own among them."""
    return frozenset(
        (
            *_FILES,
            *(module_file(name) for name in FOREIGN_MODULES.union(modules)),
            *(group_file(name) for name in FOREIGN_GROUPS.union(groups)),
        )
    )


def save(
    dbdir: Path | str,
    file: str,
    node: UclObject,
    *,
    modules: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> Path:
    """Replace ``file`` of the dynamic layer by ``node``; returns its path.

    Readers see the old file or the new one, also after a crash. ``modules`` and ``groups`` are
    those of the checks, as for ``load``. Raises ``DynamicError`` for a name that nothing would
    read, and when the file cannot be written.
    """
    if not _PLAIN_NAME.match(file) or file not in known_files(modules, groups):
        raise DynamicError(f"{file!r} is no file of the dynamic layer: nothing would read it")
    path = Path(dbdir, DYNAMIC_DIRECTORY, file)
    text = emit(node).encode("utf-8", "surrogateescape")
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_file(path, text, MODE)
    except OSError as error:
        raise DynamicError(f"cannot write {path}: {error.strerror}") from error
    return path


def unreadable(dbdir: str, names: Iterable[str]) -> dict[str, str]:
    """Absolute path -> why, of the files in the dynamic directory that cannot be read."""
    directory = os.path.abspath(os.path.join(dbdir, DYNAMIC_DIRECTORY))
    wanted = {os.path.join(directory, name) for name in names}
    try:
        present = [entry.path for entry in os.scandir(directory) if entry.path in wanted]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return dict.fromkeys(sorted(wanted), f"cannot read {directory}: {error.strerror}")
    return {path: reason for path in sorted(present) if (reason := _reason(path))}


def _reason(path: str) -> str:
    """Why a file cannot be read by itself; empty when it can."""
    try:
        state = os.stat(path)
        if not stat.S_ISREG(state.st_mode):
            return "not a regular file"
        if state.st_size > _MAX_SAVED:
            return f"larger than {_MAX_SAVED} bytes"
        parse_file(path)
    except OSError as error:
        return f"cannot read the file: {error.strerror}"
    except UclError as error:
        return f"line {error.line}: {error.message}" if error.line else error.message
    return ""


def left_out(files: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for each file that is left out (path -> why), one for a whole directory."""
    told: set[str] = set()
    for path, reason in files.items():
        if reason in told and reason.startswith("cannot read /"):
            continue
        told.add(reason)
        yield Finding(
            path,
            0,
            Severity.WARNING,
            "dynamic-file-left-out",
            f"what was saved through the controller is not used: {reason}",
            "remove the file, or mend it; the rest of the configuration is used",
        )


def _saved_file(root: UclObject, dbdir: str) -> str:
    """``options.dynamic_conf``, else the file of that name in ``$DBDIR``."""
    for options in root.values("options"):
        written = options.get("dynamic_conf") if isinstance(options, UclObject) else None
        if isinstance(written, UclScalar) and isinstance(written.value, str) and written.value:
            return os.path.abspath(written.value)
    return os.path.abspath(os.path.join(dbdir, RSPAMDS_DYNAMIC_FILE))


def add_rspamds(root: UclObject, dbdir: str, unusable: Container[str] = ()) -> dict[str, str]:
    """Put what Rspamd's controller saved into ``root``, before it is bound.

    The file is ``[{"metric": "default", "symbols": [{"name", "value"}], "actions": [...]}]``.
    Returns path -> why if it exists and cannot be used; what is ``unusable`` is passed over.
    """
    path = _saved_file(root, dbdir)
    if path in unusable:
        return {}
    try:
        content = read_regular_file(path, _MAX_SAVED)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return {path: f"cannot read the file: {error.strerror}"}
    if not content.strip():
        return {}
    try:
        saved = parse_node(content.decode("utf-8", "surrogateescape"), path)
        symbols = [_score(item) for item in _items(saved, "symbols")]
        actions = [_score(item) for item in _items(saved, "actions")]
    except UclError as error:
        return {path: f"line {error.line}: {error.message}" if error.line else error.message}
    for name, value in symbols:
        put(root, ("symbols", name, "score"), value)
    for name, value in actions:
        put(root, ("actions", name.replace(" ", "_")), value)
    return {}


def _items(saved: UclNode, key: str) -> Iterator[UclNode]:
    metrics = saved.items if isinstance(saved, UclArray) else [saved]
    for metric in metrics:
        if not isinstance(metric, UclObject):
            raise _wrong(metric, "expected a section of a metric")
        yield from metric.values(key)


def _score(item: UclNode) -> tuple[str, UclScalar]:
    if isinstance(item, UclObject):
        name, value = item.get("name"), item.get("value")
        if (
            isinstance(name, UclScalar)
            and isinstance(name.value, str)
            and isinstance(value, UclScalar)
            and (value.value is None or type(value.value) in (int, float))
        ):
            return name.value, value
    raise _wrong(item, 'expected {"name": "...", "value": number}')


def _wrong(node: UclNode, message: str) -> UclError:
    return UclError(message, node.origin.file, node.origin.line, node.origin.column)


def put(root: UclObject, path: tuple[str, ...], value: UclScalar, priority: int = PRIORITY) -> None:
    """Place a value of the dynamic layer as if it had been included before ``override.d``."""
    value.priority = priority
    section = root
    for number, key in enumerate(path[:-1]):
        there = section.get(key)
        if there is None:
            there = UclObject(origin=value.origin, priority=priority)
            section.entries[key] = [there]
        elif not isinstance(there, UclObject):
            return  # no section, as the site's own fault will say
        elif there.priority > priority:
            lost: UclNode = value
            for outer in reversed(path[number + 1 :]):
                lost = UclObject({outer: [lost]}, value.origin, priority=priority)
            there.shadowed = (*there.shadowed, lost)
            return
        section = there
    place(Frame(section), path[-1], value, Duplicate.MERGE)
