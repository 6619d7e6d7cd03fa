"""All maps of a configuration: made once before the fork, kept fresh in each worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from filter_engine.config.map_definition import (
    MapDefinition,
    MapEntry,
    MapKind,
    MapSource,
    Scheme,
    define,
    define_text,
)
from filter_engine.config.model import Config
from filter_engine.config.schema import MisfitError
from filter_engine.maps.file_source import FileSource, tell_problems
from filter_engine.maps.map import Map, Source
from filter_engine.maps.read import MapReader
from filter_engine.matching import DatabaseCache
from filter_engine.ucl.nodes import UclArray, UclObject, UclScalar

log = logging.getLogger(__name__)

Written: TypeAlias = (
    "MapDefinition | UclScalar | UclArray | UclObject | str | Sequence[str] | Mapping[str, str]"
)
"""What ``of`` takes: an option of kind ``MAP_DEFINITION``, UCL, or plain Python values."""


class Maps:
    """The maps of one configuration. Two that name the same source share its content."""

    def __init__(self, config: Config | None = None) -> None:
        self._reader = _reader(config or Config())
        self._sources: dict[tuple[MapSource, MapKind], Source] = {}

    def of(self, definition: Written | None, kind: MapKind | str, where: str) -> Map:
        """The map that ``definition`` describes, read now as far as it is local.

        ``kind`` is what its entries are unless the definition says so itself; ``where`` names the
        option in messages, e.g. ``"rbl.whitelist"``. None makes an empty map. A source that cannot
        be read is logged and empty; raises nothing.
        """
        made = _definition(definition, where)
        actual = made.kind or MapKind(kind)
        sources: list[Source] = []
        fallbacks: list[Source] = []
        if made.entries:
            sources.append(self._inline(made.entries, actual))
        for written in made.sources:
            source = self._source(written, actual, where)
            if source is not None:
                (fallbacks if written.fallback else sources).append(source)
        return Map(
            where,
            actual,
            tuple(sources),
            tuple(fallbacks),
            multi=made.multi,
            description=made.description,
        )

    def _source(self, written: MapSource, kind: MapKind, where: str) -> Source | None:
        key = (_without_origin(written), kind)
        known = self._sources.get(key)
        if known is None:
            if written.scheme is Scheme.FILE:
                known = FileSource(written, kind, self._reader, where)
            else:
                log.warning("%s: %s://: maps from there are not served", where, written.scheme)
                return None
            self._sources[key] = known
        return known

    def _inline(self, entries: Sequence[MapEntry], kind: MapKind) -> Source:
        content = self._reader.entries(entries, kind)
        place = entries[0].origin.file
        tell_problems(place, content)
        return Source(place, content)

    def look(self) -> None:
        """Read what has changed, now and here."""
        for source in self._sources.values():
            if isinstance(source, FileSource):
                take = source.changed()
                if take is not None:
                    take()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep the maps fresh from now on; once in each worker, after the fork."""

    def close(self) -> None:
        """End the watch."""


def _definition(written: Written | None, where: str) -> MapDefinition:
    if isinstance(written, MapDefinition):
        return written
    try:
        if written is None:
            return MapDefinition()
        if isinstance(written, str):
            return define_text(written)
        if isinstance(written, (UclScalar, UclArray, UclObject)):
            return define([written])
        if isinstance(written, Mapping):
            return MapDefinition(entries=tuple(MapEntry(k, value=v) for k, v in written.items()))
        return define([UclScalar(text) for text in written])
    except MisfitError as misfit:
        log.warning("%s: %s", where, misfit)
        return MapDefinition()


def _reader(config: Config) -> MapReader:
    return MapReader(DatabaseCache.below(config.variables.get("DBDIR")))


def _without_origin(source: MapSource) -> MapSource:
    return MapSource(
        source.scheme,
        source.location,
        fallback=source.fallback,
        signed=source.signed,
        key=source.key,
    )
