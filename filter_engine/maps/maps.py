"""All maps of a configuration: made once before the fork, kept fresh in each worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from filter_engine.config.layers import Layers
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
from filter_engine.config.origin import Layer
from filter_engine.config.schema import MisfitError
from filter_engine.maps.file_source import FileSource, tell_problems
from filter_engine.maps.http_source import HttpSource
from filter_engine.maps.map import Map, Source
from filter_engine.maps.read import MapReader
from filter_engine.maps.watch import Resolve, Watch
from filter_engine.matching import DatabaseCache
from filter_engine.ucl.nodes import UclArray, UclObject, UclScalar

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)

Written: TypeAlias = (
    "MapDefinition | UclScalar | UclArray | UclObject | str | Sequence[str] | Mapping[str, str]"
)
"""What ``of`` takes: an option of kind ``MAP_DEFINITION``, UCL, or plain Python values."""


class Maps:
    """The maps of one configuration. Two that name the same source share its content."""

    def __init__(self, config: Config | None = None) -> None:
        made = config or Config()
        self._options = made.options
        self._layers = Layers(made.variables)
        self._reader = _reader(made)
        self._directory = _directory(made)
        self._watch: Watch | None = None
        self._sources: dict[tuple[MapSource, MapKind], Source] = {}
        self.uses: dict[str, dict[str, None]] = {}
        """Path or URL -> the options that name it, each with what the site says about it."""

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
            source = self._source(written, actual, where, made.poll)
            if source is not None:
                use = f"{where}: {made.description}" if made.description else where
                self.uses.setdefault(source.place, {})[use] = None
                (fallbacks if written.fallback else sources).append(source)
        return Map(
            where,
            actual,
            tuple(sources),
            tuple(fallbacks),
            multi=made.multi,
            description=made.description,
        )

    def _source(
        self, written: MapSource, kind: MapKind, where: str, poll: float | None
    ) -> Source | None:
        key = (_without_origin(written), kind)
        known = self._sources.get(key)
        if known is None:
            known = self._made(written, kind, where, poll)
            if known is None:
                return None
            self._sources[key] = known
        if isinstance(known, HttpSource) and poll is not None:
            known.poll = min(known.poll, poll)
        return known

    def _made(
        self, written: MapSource, kind: MapKind, where: str, poll: float | None
    ) -> Source | None:
        if written.scheme is Scheme.FILE:
            return FileSource(written, kind, self._reader, where)
        if written.scheme is Scheme.HTTP:
            interval = self._options.map_watch_interval if poll is None else poll
            shipped = self._layers.of(written.origin.file) is Layer.SHIPPED
            try:
                return HttpSource(
                    written,
                    kind,
                    self._reader,
                    where,
                    directory=self._directory,
                    poll=interval,
                    shipped=shipped,
                )
            except ValueError as error:
                log.warning("%s: %s", where, error)
                return None
        log.warning("%s: %s://: maps from there are not served", where, written.scheme)
        return None

    def _inline(self, entries: Sequence[MapEntry], kind: MapKind) -> Source:
        content = self._reader.entries(entries, kind)
        place = entries[0].origin.file
        tell_problems(place, content)
        return Source(place, content)

    def sources(self) -> tuple[Source, ...]:
        """The files and URLs that maps are read from, each once."""
        return tuple(self._sources.values())

    def look(self) -> None:
        """Read what has changed, now and here."""
        for source in self._sources.values():
            if isinstance(source, FileSource):
                take = source.changed()
                if take is not None:
                    take()

    def watch(self, loop: asyncio.AbstractEventLoop, resolve: Resolve) -> None:
        """Keep the maps fresh from now on; once in each worker, after the fork.

        ``resolve`` finds the addresses of the servers of URLs.
        """
        options = self._options
        self._watch = Watch(
            [source for source in self._sources.values() if isinstance(source, FileSource)],
            [source for source in self._sources.values() if isinstance(source, HttpSource)],
            options.map_watch_interval * options.map_file_watch_multiplier,
            resolve,
        )
        self._watch.start(loop)

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


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
    options = config.options
    return MapReader(
        DatabaseCache.below(config.variables.get("DBDIR")),
        options.trusted_keys,
        options.maps.secretbox_key,
    )


def _directory(config: Config) -> Path | None:
    """Where copies of fetched maps are kept; None: nowhere."""
    if config.options.maps_cache_dir:
        return Path(config.options.maps_cache_dir)
    directory = config.variables.get("DBDIR")
    return Path(directory, "maps") if directory else None


def _without_origin(source: MapSource) -> MapSource:
    return MapSource(
        source.scheme,
        source.location,
        fallback=source.fallback,
        signed=source.signed,
        key=source.key,
    )
