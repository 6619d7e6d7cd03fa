"""Secrets that others on this host may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from filter_engine.config.findings import Finding
from filter_engine.config.secrets import secrets_in
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.ucl.nodes import Origin


@rule(
    "readable-secret",
    needs_host=True,
    doc="A file with a password or key can be read by every user of the host, and so can its "
    "directory.",
)
def readable_secret(situation: Situation) -> Iterator[Finding]:
    """One finding a file, at its first secret."""
    config = situation.config
    top = config.variables.get("LOCAL_CONFDIR", "")
    readable = {
        file
        for file in config.files
        if not situation.is_shipped(Origin(file, 1, 1)) and _all_may_read(file, top)
    }
    if not readable:
        return
    modules = {name: type(section) for name, section in config.modules.items()}
    found = sorted(secrets_in(config.tree, modules, readable), key=lambda told: told[1].origin)
    for key, node in found:
        file = node.origin.file
        if file not in readable:
            continue
        readable.remove(file)
        yield situation.finding(
            "readable-secret",
            node.origin,
            f"every user of this host may read {key} here: the file has mode "
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
