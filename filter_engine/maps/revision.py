"""Which content maps have: recordings name it, so that a replay can tell what has changed."""

from __future__ import annotations

import hashlib
from io import BufferedReader
from pathlib import Path

from filter_engine.maps.file_source import FileSource
from filter_engine.maps.http_source import HttpSource
from filter_engine.maps.map import Source
from filter_engine.maps.maps import Maps


def revisions(maps: Maps) -> dict[str, str]:
    """Path or URL -> SHA-256 (hexadecimal) of what lies there now, ``""`` for what cannot be read.

    Of a URL it is the copy that is kept of its body. Raises nothing.
    """
    return {source.place: _revision(source) for source in maps.sources()}


def _revision(source: Source) -> str:
    try:
        if isinstance(source, FileSource) and Path(source.place).is_file():
            with open(source.place, "rb") as file:
                return _digest(file)
        if isinstance(source, HttpSource) and source.file is not None:
            with source.file.open("rb") as file:
                file.readline()  # what is kept of the answer's head
                return _digest(file)
    except OSError:
        pass
    return ""


def _digest(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()
