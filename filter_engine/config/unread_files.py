"""Files in local.d and override.d that nothing includes: Rspamd passes over them in silence."""

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


def unread_files(document: Document, variables: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for each configuration file that has no effect."""
    local = variables.get("LOCAL_CONFDIR")
    if not local:
        return
    asked = {os.path.abspath(path) for path in document.asked}
    named = set(_absolute_paths(document.root))
    for folder in ("local.d", "override.d"):
        directory = Path(local, folder)
        try:
            names = sorted(entry.name for entry in os.scandir(directory) if entry.is_file())
        except OSError:
            continue
        known = {Path(path).name for path in asked if Path(path).parent.name == folder}
        for name in names:
            path = os.path.abspath(directory / name)
            if not name.endswith(_ENDINGS) or _is_asked(path, asked) or path in named:
                continue
            close = difflib.get_close_matches(name, sorted(known), n=1)
            yield Finding(
                path,
                0,
                Severity.WARNING,
                "unread-file",
                "nothing includes this file: it has no effect",
                f"did you mean {close[0]}?" if close else "",
            )


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
