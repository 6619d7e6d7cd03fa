"""Which files of a tree are Rspamd's own and untouched.

Known from a pristine copy of the tree, else from the checksums that dpkg keeps of a package's
configuration files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DPKG_STATUS = Path("/var/lib/dpkg/status")
_PACKAGED = Path("/etc/rspamd")
_CONFFILE = re.compile(r"^ (/\S+) ([0-9a-f]{32})(?: obsolete)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stock:
    """The pristine files: path below the tree -> MD5; ``texts`` where there is a copy."""

    sums: Mapping[str, str]
    directory: Path | None = None

    def is_known(self, path: str) -> bool:
        """Whether Rspamd ships a file of this path."""
        return path in self.sums

    def is_pristine(self, path: str, content: bytes) -> bool:
        """Whether it is as Rspamd ships it."""
        return self.sums.get(path) == _md5(content)

    def first_change(self, path: str, text: str) -> int:
        """The first line that differs from the shipped file; 0 where that is not known."""
        if self.directory is None:
            return 0
        before = (self.directory / path).read_bytes().decode("utf-8", "surrogateescape")
        old, new = before.splitlines(), text.splitlines()
        for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
            if one != other:
                return number
        return min(len(old), len(new)) + 1


def stock_of(directory: Path | None) -> Stock | None:
    """The stock tree: a copy in ``directory``, else what dpkg knows; None when neither is there."""
    if directory is not None:
        sums = {
            str(path.relative_to(directory)): _md5(path.read_bytes())
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        return Stock(sums, directory)
    return from_dpkg(DPKG_STATUS)


def from_dpkg(status: Path) -> Stock | None:
    """The checksums of the package ``rspamd`` in dpkg's status file."""
    try:
        text = status.read_text("utf-8", "replace")
    except OSError:
        return None
    package = re.search(r"^Package: rspamd$.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if package is None:
        return None
    sums = {
        str(Path(path).relative_to(_PACKAGED)): checksum
        for path, checksum in _CONFFILE.findall(package[0])
        if Path(path).is_relative_to(_PACKAGED)
    }
    return Stock(sums)


def _md5(content: bytes) -> str:
    # dpkg's checksum: it tells edits, it does not protect
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
