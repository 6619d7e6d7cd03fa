"""Maps in files: which there are, which may be changed, and changing one."""

from __future__ import annotations

import base64
import os
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from filter_engine.config.replace_file import remove_file, replace_file
from filter_engine.config.variables import SHIPPED
from filter_engine.maps.file_source import FileSource
from filter_engine.maps.maps import Maps
from filter_engine.ucl.regular_file import read_regular_file

LARGEST: Final = 4 * 1024 * 1024
"""Octets of a map that is shown or changed here."""
MODE: Final = 0o640
"""Of a map's file that was not there before."""


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


def write_map(path: str, content: bytes | None) -> bytes | None:
    """Replace a map's file, keeping owner and mode; None removes it. Returns the old content, None
    where there was no file. Raises ``MapError``.

    Readers see the old file or the new one, also after a crash.
    """
    old = read_map(path) if os.path.lexists(path) else None
    try:
        if content is None:
            remove_file(Path(path))
        else:
            replace_file(Path(path), content, MODE)
    except OSError as error:
        raise MapError(f"cannot write {path}: {error.strerror}") from error
    return old


def recorded(content: bytes | None) -> str | dict[str, str] | None:
    """A map's content as the record of changes holds it: exactly."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def from_record(said: object) -> bytes | None:
    """The content that ``recorded`` made this of. Raises ``MapError``."""
    if said is None:
        return None
    if isinstance(said, str):
        return said.encode()
    try:
        if isinstance(said, dict):
            return base64.b64decode(said["base64"], validate=True)
    except (KeyError, TypeError, ValueError):
        pass
    raise MapError("the record does not hold what the map was before")


def _editable(path: str) -> bool:
    """A regular file (or none yet) that this process may replace, none that the engine ships."""
    place = Path(path)
    if place.is_symlink() or place.is_relative_to(SHIPPED):
        return False
    if place.exists() and not (place.is_file() and os.access(path, os.W_OK)):
        return False
    return os.access(place.parent, os.W_OK | os.X_OK)
