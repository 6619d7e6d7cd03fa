"""``reload`` and ``recompile``: what ``filter-engine control`` asks for.

A configuration that ``configtest`` refuses is not even tried: its findings are the answer, and what
runs goes on.
"""

from __future__ import annotations

import logging

from aiohttp import web

from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import WHO, Desk, Route
from filter_engine.workers.controller.own_program import OwnProgram
from filter_engine.workers.controller.replies import error, json_reply
from filter_engine.workers.controller.savers import reload

log = logging.getLogger(__name__)


class Reloads:
    """Lets the supervisor load the configuration anew, once it has been found good."""

    def __init__(self, desk: Desk, program: OwnProgram) -> None:
        self._program = program
        self._statistics = desk.context.statistics

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/reload", self._reload, Right.CHANGE, alters=True),
            Route("/recompile", self._recompile, Right.CHANGE, alters=True),
        )

    async def _reload(self, request: web.Request) -> web.StreamResponse:
        """200 with the ``reload`` whose end ``/ready`` tells by ``reloads``; 422 with findings."""
        return await self._do(request, recompile=False)

    async def _recompile(self, request: web.Request) -> web.StreamResponse:
        """As ``/reload``; and no kept database of patterns is used."""
        return await self._do(request, recompile=True)

    async def _do(self, request: web.Request, *, recompile: bool) -> web.StreamResponse:
        if request.method != "POST":
            return error(405, "POST is expected")
        said = await self._program.configtest()
        if not said["ok"]:
            reason = "the configuration is refused; the old one stays at work"
            return json_reply({"error": reason, "findings": said["findings"]}, status=422)
        if recompile:
            self._statistics.ask_recompile()
        log.info("%s (%s)", "recompile" if recompile else "reload", request[WHO])
        # One that has begun may have read the files before they were as they are now.
        number = self._statistics.reloads_begun() + 1
        reload()
        return json_reply({"success": True, "reload": number, "findings": said["findings"]})
