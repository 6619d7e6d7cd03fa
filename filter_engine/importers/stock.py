"""Which files of a tree are Rspamd's own and untouched.

Known from a pristine copy of the tree, else from the checksums that dpkg keeps of a package's
configuration files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filter_engine.config.stock_files import DPKG_STATUS, checksum, dpkg_checksums
from filter_engine.lazy_dataclass import frozen


@frozen
class Stock:
    """The pristine files: path below the tree -> MD5; ``texts`` where there is a copy."""

    sums: Mapping[str, str]
    directory: Path | None = None

    def is_known(self, path: str) -> bool:
        """Whether Rspamd ships a file of this path."""
        return path in self.sums

    def is_pristine(self, path: str, content: bytes) -> bool:
        """Whether it is as Rspamd ships it."""
        return self.sums.get(path) == checksum(content)

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
            str(path.relative_to(directory)): checksum(path.read_bytes())
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        return Stock(sums, directory)
    return from_dpkg(DPKG_STATUS)


def from_dpkg(status: Path) -> Stock | None:
    """The checksums of the package ``rspamd`` in dpkg's status file."""
    sums = dpkg_checksums(status)
    return None if sums is None else Stock(sums)
