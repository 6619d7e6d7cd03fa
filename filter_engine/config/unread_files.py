"""Files of a site that nothing includes: Rspamd passes over them in silence."""

from __future__ import annotations

import difflib
import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from filter_engine.config.findings import Finding, Severity
from filter_engine.ucl.document import Document
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

_ENDINGS = (".conf", ".inc")
_FOLDERS = ("local.d", "override.d")
#: How alike a directory's name must be to count as a misspelt one ("locald", "overide.d").
_LIKENESS = 0.75


def unread_files(document: Document, variables: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for each configuration file that has no effect."""
    local = variables.get("LOCAL_CONFDIR")
    if not local:
        return
    asked = {os.path.abspath(path) for path in document.asked}
    named = set(_absolute_paths(document.root))
    for folder in _FOLDERS:
        directory = Path(local, folder)
        known = {Path(path).name for path in asked if Path(path).parent.name == folder}
        for name in _files(directory):
            path = os.path.abspath(directory / name)
            if not name.endswith(_ENDINGS) or _is_asked(path, asked) or path in named:
                continue
            close = difflib.get_close_matches(name, sorted(known), n=1)
            yield _unread(
                path,
                "nothing includes this file: it has no effect",
                f"did you mean {close[0]}?" if close else "",
            )
    for directory, meant in _mistaken_directories(Path(os.path.abspath(local))):
        for name in _files(directory):
            path = str(directory / name)
            if name.endswith(_ENDINGS) and not _is_asked(path, asked) and path not in named:
                yield _unread(
                    path,
                    f"nothing includes a file of {directory}: it has no effect",
                    f"move it to {meant / name}",
                )


def _unread(path: str, message: str, hint: str) -> Finding:
    return Finding(path, 0, Severity.WARNING, "unread-file", message, hint)


def _mistaken_directories(local: Path) -> Iterator[tuple[Path, Path]]:
    """(directory, the one that was meant): ``/etc/rspamd.d/override.d``, ``local.d`` misspelt."""
    for folder in _FOLDERS:
        yield local.with_name(f"{local.name}.d") / folder, local / folder
    for name in _directories(local):
        close = difflib.get_close_matches(name.lower(), _FOLDERS, n=1, cutoff=_LIKENESS)
        if close and name not in _FOLDERS:
            yield local / name, local / close[0]


def _files(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_file())
    except OSError:
        return []


def _directories(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except OSError:
        return []


def _is_asked(path: str, asked: Iterable[str]) -> bool:
    return any(path == other or fnmatch.fnmatchcase(path, other) for other in asked)


def _absolute_paths(node: UclNode) -> Iterator[str]:
    """Paths that values name: a map in local.d is no unread file."""
    if isinstance(node, UclScalar):
        if isinstance(node.value, str) and "/" in node.value:
            yield node.value[node.value.index("/") :].removeprefix("//")
    elif isinstance(node, UclArray):
        for item in node:
            yield from _absolute_paths(item)
    else:
        assert isinstance(node, UclObject)
        for values in node.entries.values():
            for value in values:
                yield from _absolute_paths(value)
