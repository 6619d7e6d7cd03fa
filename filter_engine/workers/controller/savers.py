"""What changes the configuration: ``saveactions``, ``savesymbols``, and ``undo`` of any change."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Final

import orjson
from aiohttp import web

from filter_engine.config.dynamic import DynamicError
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import small_body
from filter_engine.workers.controller.changes import Changes
from filter_engine.workers.controller.desk import WHO, Desk, Route
from filter_engine.workers.controller.map_files import (
    MapError,
    MapFiles,
    from_record,
    recorded,
    write_map,
)
from filter_engine.workers.controller.replies import error, json_reply
from filter_engine.workers.controller.scores import (
    ACTION_PLACE,
    SYMBOL_PLACE,
    ChangeError,
    Place,
    Value,
    put,
    wanted_actions,
    wanted_symbols,
)
from filter_engine.workers.controller.shared_scores import SharedScores

log = logging.getLogger(__name__)

_PLACES = {"actions": ACTION_PLACE, "symbols": SYMBOL_PLACE}
_SHARED: Final = "Redis"
"""In the record: a change that all hosts share."""


class Savers:
    """Changes go to the dynamic layer, into the record, and are used at once by a reload."""

    def __init__(self, desk: Desk, changes: Changes, maps: MapFiles, shared: SharedScores) -> None:
        self._desk = desk
        self._shared = shared
        self._changes = changes
        self._maps = maps
        self._dbdir = desk.context.config.variables.get("DBDIR", ".")

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/saveactions", self._saveactions, Right.CHANGE, alters=True),
            Route("/savesymbols", self._savesymbols, Right.CHANGE, alters=True),
            Route("/changes", self._list, Right.CHANGE),
            Route("/undo", self._undo, Right.CHANGE, alters=True),
        )

    async def _saveactions(self, request: web.Request) -> web.StreamResponse:
        config = self._desk.context.config
        return await self._save(request, "actions", lambda said: wanted_actions(said, config))

    async def _savesymbols(self, request: web.Request) -> web.StreamResponse:
        plan, config = self._desk.context.scanner.plan, self._desk.context.config
        scores = {name: score.value for name, score in plan.scores.items()}
        return await self._save(
            request, "symbols", lambda said: wanted_symbols(said, config, scores)
        )

    async def _save(
        self,
        request: web.Request,
        what: str,
        read: Callable[[object], dict[str, float | None]] | Callable[[object], dict[str, float]],
    ) -> web.StreamResponse:
        if request.method != "POST":
            return error(405, "POST is expected")
        try:
            said = orjson.loads(await small_body(request))
        except orjson.JSONDecodeError as fault:
            return error(400, f"Cannot parse input: {fault}")
        try:
            wanted: dict[str, Value] = dict(read(said))
            if wanted:
                await self._put(what, wanted, str(request[WHO]), shared=self._shared.on)
        except ChangeError as fault:
            return error(400, str(fault))
        except DynamicError as fault:
            log.error("controller: %s", fault)
            return error(500, str(fault))
        if wanted:
            reload()
        # Rspamd's pages look at the first alone; ours say whom the change is for.
        shared = {"shared": True} if self._shared.on else {}
        return json_reply({"success": True, **shared})

    async def _put(
        self, what: str, values: dict[str, Value], who: str, undoes: int = 0, *, shared: bool
    ) -> None:
        if not shared:
            await asyncio.to_thread(self._write, what, values, who, undoes)
            return
        before = await self._shared.put(what, values)
        await asyncio.to_thread(self._note, who, what, before, values, undoes)

    def _note(
        self,
        who: str,
        what: str,
        before: dict[str, Value],
        values: dict[str, Value],
        undoes: int,
    ) -> None:
        with self._changes.turn():
            self._changes.note(who, what, _SHARED, before, values, undoes)

    def _write(self, what: str, values: dict[str, Value], who: str, undoes: int = 0) -> None:
        place: Place = _PLACES[what]
        with self._changes.turn():
            before = put(self._dbdir, place, values)
            self._changes.note(who, what, place.file, before, values, undoes)

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        """The last changes, the newest first."""
        return json_reply(await asyncio.to_thread(self._changes.entries))

    async def _undo(self, request: web.Request) -> web.StreamResponse:
        """Take one change back, named by the header ``Id``; the undoing is a change itself."""
        if request.method != "POST":
            return error(405, "POST is expected")
        number = request.headers.get("Id", "")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return error(400, "Id header missing")
        entry = await asyncio.to_thread(self._changes.entry, int(number))
        if entry is None:
            return error(404, f"there is no change {number}")
        who = str(request[WHO])
        try:
            if entry["what"] in _PLACES:
                shared = entry.get("target") == _SHARED
                await self._put(entry["what"], entry["before"], who, int(number), shared=shared)
                reload()
            else:
                await asyncio.to_thread(
                    self._undo_map, entry["target"], entry["before"], who, number
                )
        except (DynamicError, MapError) as fault:
            return error(500, str(fault))
        return json_reply({"success": True})

    def _undo_map(self, path: str, said: object, who: str, number: str) -> None:
        found = next((one for one in self._maps.listed() if one.path == path), None)
        if found is None or not found.editable:
            raise MapError(f"{path} is no map that can be changed")
        content = from_record(said)
        with self._changes.turn():
            before = recorded(write_map(path, content))
            self._changes.note(who, "map", path, before, said, int(number))


def reload() -> None:
    """Let the supervisor, whose child this process is, load the configuration anew."""
    os.kill(os.getppid(), signal.SIGHUP)
