"""Secrets that others on this host may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import scalars

_SECRETS = ("password", "enable_password", "sentinel_password", "privkey")


@rule(
    "readable-secret",
    needs_host=True,
    doc="A file with a password or key can be read by every user of the host, and so can its "
    "directory.",
)
def readable_secret(situation: Situation) -> Iterator[Finding]:
    """One finding a file, at its first secret."""
    seen: set[str] = set()
    top = situation.config.variables.get("LOCAL_CONFDIR", "")
    for path, node in scalars(situation.config.tree):
        file = node.origin.file
        if path[-1] not in _SECRETS or not node.value or file in seen:
            continue
        if situation.is_shipped(node.origin) or not _all_may_read(file, top):
            continue
        seen.add(file)
        yield situation.finding(
            "readable-secret",
            node.origin,
            f"every user of this host may read {path[-1]} here: the file has mode "
            f"{stat.S_IMODE(Path(file).stat().st_mode):04o}",
            f"chmod 0640 {file}, with the group of the engine",
        )


def _all_may_read(file: str, top: str) -> bool:
    """Whether others may read the file and enter its directories up to the configuration's."""
    try:
        if not Path(file).stat().st_mode & stat.S_IROTH:
            return False
        directory = os.path.dirname(os.path.abspath(file))
        ends = {directory, os.path.abspath(top)} if top else {directory}
        return all(Path(end).stat().st_mode & stat.S_IXOTH for end in ends)
    except OSError:
        return False
