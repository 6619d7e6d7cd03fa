"""A map in a local file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from filter_engine.config.map_definition import MapKind, MapSource
from filter_engine.maps.content import Content
from filter_engine.maps.map import Source
from filter_engine.maps.read import MapError, read_file

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class FileSource(Source):
    """Reads its file when made, and again when it has changed. Nothing here raises."""

    __slots__ = ("_fault", "_kind", "_stamp")

    def __init__(self, source: MapSource, kind: MapKind, name: str) -> None:
        super().__init__(source.location)
        self._kind = kind
        self._stamp: _Stamp | None = None
        self._fault = ""
        fresh = self.changed()
        if fresh is not None:
            fresh()
        elif self.content is None:
            log.warning("%s: map %s: %s", name, self.place, self._fault)

    def changed(self) -> Callable[[], None] | None:
        """Read the file if it is another than before; call the result to take its content.

        For a thread: only the returned function changes what others see.
        """
        stamp = _stamp(self.place)
        if stamp == self._stamp and stamp is not None and not self._fault:
            return None
        content = self._read(stamp)
        if content is None:
            return None

        def take() -> None:
            self._stamp, self._fault = stamp, ""
            tell_problems(self.place, content)
            self.replace(content)

        return take

    def _read(self, stamp: _Stamp | None) -> Content | None:
        try:
            return read_file(self.place, self._kind)
        except MapError as error:
            fault = str(error)
        if fault != self._fault or stamp != self._stamp:
            self._stamp, self._fault = stamp, fault
            if self.content is not None:
                log.error("map %s: %s; the old content stays", self.place, fault)
        return None


def _stamp(path: str) -> _Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def tell_problems(place: str, content: Content) -> None:
    """Log the lines that cannot be used."""
    for problem in content.problems:
        log.warning("%s:%s: %s; the line is left out", place, problem.line, problem.message)
