"""A map in a local file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from filter_engine.config.map_definition import MapKind, MapSource
from filter_engine.maps.content import Content
from filter_engine.maps.map import Source
from filter_engine.maps.read import MapError, MapReader

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]


class FileSource(Source):
    """Reads its file when made, and again when it has changed. Nothing here raises."""

    __slots__ = ("_fault", "_kind", "_reader", "_stamp", "_written")

    def __init__(self, source: MapSource, kind: MapKind, reader: MapReader, name: str) -> None:
        super().__init__(source.location)
        self._written = source
        self._kind = kind
        self._reader = reader
        self._stamp: _Stamp | None = None
        self._fault = ""
        take = self.changed()
        if take is not None:
            take()
        else:
            log.warning("%s: map %s: %s", name, self.place, self._fault)

    def changed(self) -> Callable[[], None] | None:
        """Read the file if it is another than before; call the result to take its content.

        For a thread: only the returned function changes what others see.
        """
        stamp = _stamp(self.place)
        if stamp is not None and stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            content = self._reader.file(self._written, self._kind)
        except MapError as error:
            if str(error) != self._fault and self.content is not None:
                log.error("map %s: %s; the old content stays", self.place, error)
            self._fault = str(error)
            return None
        self._fault = ""

        def take() -> None:
            tell_problems(self.place, content)
            self.replace(content)

        return take


def _stamp(path: str) -> _Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def tell_problems(place: str, content: Content) -> None:
    """Log the lines that cannot be used."""
    for problem in content.problems:
        log.warning("%s:%s: %s; the line is left out", place, problem.line, problem.message)
