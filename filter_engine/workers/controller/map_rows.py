"""Maps: ``maps``, ``getmap``, ``savemap``, ``plugins/maps/list``."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from filter_engine.config.dynamic import DynamicError
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import small_body
from filter_engine.workers.controller.changes import Changes
from filter_engine.workers.controller.desk import WHO, Route, may_change
from filter_engine.workers.controller.map_files import (
    LARGEST,
    MapError,
    MapFile,
    MapFiles,
    read_map,
    recorded,
    write_map,
)
from filter_engine.workers.controller.replies import error, json_reply, plain

log = logging.getLogger(__name__)


class MapRows:
    """Shows and changes the files of maps; workers see a change when they next look."""

    def __init__(self, maps: MapFiles, changes: Changes) -> None:
        self._maps = maps
        self._changes = changes

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/maps", self._list, Right.READ),
            Route("/getmap", self._get, Right.READ),
            Route("/savemap", self._save, Right.CHANGE, alters=True),
            Route("/plugins/maps/list", self._places, Right.CHANGE),
        )

    async def _list(self, request: web.Request) -> web.StreamResponse:
        listed = await asyncio.to_thread(self._maps.listed)
        return json_reply(
            [
                {
                    "map": one.id,
                    "description": one.description,
                    "uri": one.path,
                    "editable": one.editable and may_change(request),
                }
                for one in listed
            ]
        )

    async def _places(self, _request: web.Request) -> web.StreamResponse:
        places = self._maps.places()
        aliases = {place.rpartition("/")[2]: place for place in places}
        return json_reply({"maps": places, "aliases": aliases})

    def _asked(self, request: web.Request) -> MapFile | web.Response:
        said = request.headers.get("Map", "")
        if not said:
            return error(400, "Id header missing")
        if not (said.isascii() and said.isdigit() and len(said) < 12):
            return error(400, "Invalid map id")
        return self._maps.find(int(said)) or error(404, "Map not found")

    async def _get(self, request: web.Request) -> web.StreamResponse:
        found = self._asked(request)
        if isinstance(found, web.Response):
            return found
        try:
            content = await asyncio.to_thread(read_map, found.path)
        except MapError as fault:
            return error(500, str(fault))
        return plain(content, "text/plain")

    async def _save(self, request: web.Request) -> web.StreamResponse:
        found = self._asked(request)
        if isinstance(found, web.Response):
            return found
        if request.method != "POST":
            return error(405, "POST is expected")
        if not found.editable:
            return error(404, "Map is not editable")
        try:
            text = (await small_body(request, LARGEST)).decode()
        except UnicodeDecodeError:
            return error(400, "The map is no UTF-8")
        try:
            await asyncio.to_thread(self._write, found.path, text, str(request[WHO]))
        except (MapError, DynamicError) as fault:
            log.error("controller: %s", fault)
            return error(500, str(fault))
        return json_reply({"success": True})

    def _write(self, path: str, text: str, who: str) -> None:
        with self._changes.turn():
            before = write_map(path, text.encode())
            self._changes.note(who, "map", path, recorded(before), text)
