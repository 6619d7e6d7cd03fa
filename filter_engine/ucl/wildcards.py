"""The files that a pattern with ``*`` and ``?`` names, with a bound on how many are looked at.

As in glob(7): a wildcard does not go over ``/``, and matches no leading dot. ``glob.glob`` has no
bound: ``/*/*/*/*/*/*`` would walk the whole machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fnmatch import translate

_MAGIC = re.compile(r"[*?\[]")


def matching_paths(pattern: str, look: Callable[[], None]) -> list[str]:
    """The paths that exist and match, in order of name; what cannot be read has no match.

    ``look`` is called for each entry that is looked at, and raises when they are too many.
    """
    found = ["/"] if pattern.startswith("/") else [""]
    for part in filter(None, pattern.split("/")):
        step = _within if _MAGIC.search(part) else _existing
        found = step(found, part, look)
        if not found:
            break
    return sorted(found)


def _within(directories: list[str], part: str, look: Callable[[], None]) -> list[str]:
    wanted = re.compile(translate(part))
    found = []
    for directory in directories:
        look()
        try:
            with os.scandir(directory or ".") as entries:
                for entry in entries:
                    look()
                    hidden = entry.name.startswith(".") and not part.startswith(".")
                    if not hidden and wanted.match(entry.name):
                        found.append(os.path.join(directory, entry.name))
        except (OSError, ValueError):
            continue
    return found


def _existing(directories: list[str], part: str, look: Callable[[], None]) -> list[str]:
    found = []
    for directory in directories:
        look()
        path = os.path.join(directory, part)
        if os.path.lexists(path):
            found.append(path)
    return found
