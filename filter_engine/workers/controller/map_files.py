"""Maps in files: which there are, which may be changed, and changing one."""

from __future__ import annotations

import os
import stat
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from filter_engine.config.variables import SHIPPED
from filter_engine.maps.file_source import FileSource
from filter_engine.maps.maps import Maps
from filter_engine.ucl.regular_file import read_regular_file

LARGEST: Final = 4 * 1024 * 1024
"""Octets of a map that is shown or changed here."""


class MapError(Exception):
    """The map cannot be read or written; the message says why."""


class MapFile(NamedTuple):
    """One file that some map is read from."""

    id: int
    """A number that only this path has."""
    path: str
    description: str
    editable: bool


class MapFiles:
    """The local files of all maps."""

    def __init__(self, maps: Maps) -> None:
        self._maps = maps

    def listed(self) -> list[MapFile]:
        """All files, each once."""
        found = {}
        for source in self._maps.sources():
            if isinstance(source, FileSource):
                path = source.place
                uses = "; ".join(list(self._maps.uses.get(path, ()))[:5])
                found[path] = MapFile(map_id(path), path, uses, _editable(path))
        return list(found.values())

    def places(self) -> list[str]:
        """The paths and URLs of all maps."""
        return sorted({source.place for source in self._maps.sources()})

    def find(self, number: int) -> MapFile | None:
        """The file of that number."""
        return next((one for one in self.listed() if one.id == number), None)

    def look(self) -> None:
        """Read what has changed."""
        self._maps.look()


def map_id(path: str) -> int:
    """The number of a path, of 31 bits."""
    return (
        int.from_bytes(blake2b(path.encode(errors="surrogateescape"), digest_size=4).digest()) >> 1
    )


def read_map(path: str) -> bytes:
    """The content of a map's file, empty when there is none. Raises ``MapError``."""
    try:
        return read_regular_file(path, LARGEST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise MapError(f"cannot read {path}: {error.strerror}") from error


def write_map(path: str, content: bytes) -> str:
    """Replace a map's file, keeping its mode; returns the old content. Raises ``MapError``.

    Readers see the old file or the new one, also after a crash.
    """
    old = read_map(path)
    target = Path(path)
    temporary = ""
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o640
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise MapError(f"cannot write {path}: {error.strerror}") from error
    return old.decode("utf-8", "replace")


def _editable(path: str) -> bool:
    """A regular file (or none yet) that this process may replace, none that the engine ships."""
    place = Path(path)
    if place.is_symlink() or place.is_relative_to(SHIPPED):
        return False
    if place.exists() and not (place.is_file() and os.access(path, os.W_OK)):
        return False
    return os.access(place.parent, os.W_OK | os.X_OK)
