"""Which files of a tree are Rspamd's own and untouched, by the checksums that dpkg keeps.

A site may have a copy of all of ``/etc/rspamd`` as its directory; what stands there besides
``local.d`` and ``override.d`` has no effect, which is no news for shipped files.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from filter_engine.config.sections import FOREIGN_GROUPS, FOREIGN_MODULES

DPKG_STATUS = Path("/var/lib/dpkg/status")
_PACKAGED = Path("/etc/rspamd")
_PACKAGE = re.compile(r"^Package: rspamd$.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
_CONFFILE = re.compile(r"^ (/\S+) ([0-9a-f]{32})(?: obsolete)?$", re.MULTILINE)
_MAX_FILE = 1024 * 1024
#: Files of Rspamd's stock tree at its top (3.4).
_TOP = frozenset(
    """
    actions.conf cgp.inc common.conf composites.conf groups.conf lang_detection.inc logging.inc
    metrics.conf modules.conf options.inc rspamd.conf settings.conf statistic.conf
    worker-controller.inc worker-fuzzy.inc worker-normal.inc worker-proxy.inc
    """.split()  # noqa: SIM905  # a table to read
)


def dpkg_checksums(status: Path = DPKG_STATUS) -> Mapping[str, str] | None:
    """Path below the tree -> MD5 of the package ``rspamd``, None when dpkg has no such package."""
    try:
        text = status.read_text("utf-8", "replace")
    except OSError:
        return None
    package = _PACKAGE.search(text)
    if package is None:
        return None
    return {
        str(Path(path).relative_to(_PACKAGED)): checksum
        for path, checksum in _CONFFILE.findall(package[0])
        if Path(path).is_relative_to(_PACKAGED)
    }


def checksum(content: bytes) -> str:
    """The checksum that dpkg keeps: it tells edits, it does not protect."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class StockFiles:
    """The shipped files of Rspamd that a site has in its directory."""

    def __init__(self, top: Path, status: Path = DPKG_STATUS) -> None:
        self._top = top
        self._status = status

    def has(self, path: Path) -> bool:
        """Whether a file is as Rspamd ships it.

        Where the package is not installed, or another version of it, names decide: then any file
        of a shipped file's name is taken for one if the tree is a whole one.
        """
        if not self._is_whole:
            return False
        name = os.path.relpath(path, self._top)
        if self._sums is not None:
            return self._is_pristine(name)
        folder, _, rest = name.rpartition("/")
        if folder == "modules.d":
            return rest.removesuffix(".conf") in FOREIGN_MODULES | {"redis"}
        if folder == "scores.d":
            return rest.removesuffix("_group.conf") in FOREIGN_GROUPS
        return not folder and rest in _TOP

    @cached_property
    def _is_whole(self) -> bool:
        return (self._top / "rspamd.conf").is_file() and (self._top / "modules.d").is_dir()

    @cached_property
    def _sums(self) -> Mapping[str, str] | None:
        """The checksums, if this tree is of the version that is installed."""
        self._known = dpkg_checksums(self._status) or {}
        there = [name for name in self._known if (self._top / name).is_file()]
        pristine = sum(self._is_pristine(name) for name in there)
        return self._known if pristine * 2 > len(there) else None

    _known: Mapping[str, str] = {}

    def _is_pristine(self, name: str) -> bool:
        expected = self._known.get(name)
        if expected is None:
            return False
        try:
            with (self._top / name).open("rb") as file:
                return checksum(file.read(_MAX_FILE)) == expected
        except OSError:
            return False
