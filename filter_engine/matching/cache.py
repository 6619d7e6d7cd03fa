"""Compiled databases on disk: ``$DBDIR/hyperscan/HASH.hs``.

The hash covers the patterns, the library and the processor; a file that is damaged, belongs to
somebody else or comes from elsewhere is compiled anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from filter_engine.matching.database import Compiled

log = logging.getLogger(__name__)

SUFFIX: Final = ".hs"
MAX_SIZE: Final = 256 * 1024 * 1024
"""Bytes of a file that is read."""
MAX_AGE: Final = 30 * 86400.0
"""Seconds after which a database that nobody loaded is removed."""
_MAGIC: Final = b"mailfleet-hyperscan 1\n"


class DatabaseCache:
    """The directory of compiled databases; without one, everything is compiled at each start."""

    def __init__(self, directory: Path | str | None) -> None:
        self.directory = None if directory is None else Path(directory)
        self._told = False

    @classmethod
    def below(cls, database_directory: str | None) -> DatabaseCache:
        """The cache in ``$DBDIR``; none when that is not known or does not exist."""
        if not database_directory or not os.path.isdir(database_directory):
            return cls(None)
        return cls(Path(database_directory, "hyperscan"))

    def load(self, key: str) -> Compiled | None:
        """The database kept under ``key``; None when there is none that can be trusted."""
        if self.directory is None:
            return None
        path = self.directory / f"{key}{SUFFIX}"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if (
                not stat.S_ISREG(found.st_mode)
                or found.st_uid not in (0, os.geteuid())
                or found.st_mode & 0o022
                or found.st_size > MAX_SIZE
            ):
                log.warning("%s: not a file of this service; compiled anew", path)
                return None
            data = file.read()
        try:
            compiled = Compiled.parse(_checked(data))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged (%s); compiled anew", path, error)
            return None
        with suppress(OSError):
            os.utime(path)
        return compiled

    def store(self, key: str, compiled: Compiled) -> None:
        """Keep a database; a directory that cannot be written is told about once."""
        if self.directory is None:
            return
        data = compiled.dump()
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            import tempfile

            descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=".", suffix=SUFFIX)
            try:
                with os.fdopen(descriptor, "wb") as file:  # mkstemp's mode is 0600
                    file.write(_MAGIC + hashlib.sha256(data).digest() + data)
                os.replace(name, self.directory / f"{key}{SUFFIX}")
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            if not self._told:
                self._told = True
                log.warning(
                    "databases cannot be kept in %s: %s; they are compiled at every start",
                    self.directory,
                    error.strerror,
                )
            return
        self._remove_old()

    def clear(self) -> None:
        """Remove every database. Raises ``OSError`` when one cannot be removed."""
        if self.directory is None or not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            if path.suffix == SUFFIX:
                path.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        assert self.directory is not None
        limit = time.time() - MAX_AGE
        with suppress(OSError):
            for path in self.directory.iterdir():
                if path.suffix == SUFFIX and path.stat().st_mtime < limit:
                    path.unlink()


def _checked(data: bytes) -> bytes:
    start = len(_MAGIC) + 32
    if not data.startswith(_MAGIC):
        raise ValueError("another format")
    if hashlib.sha256(data[start:]).digest() != data[len(_MAGIC) : start]:
        raise ValueError("the checksum is wrong")
    return data[start:]
