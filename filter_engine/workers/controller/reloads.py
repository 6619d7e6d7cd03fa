"""``reload`` and ``recompile``: what ``filter-engine control`` asks for.

A configuration that ``configtest`` refuses is not even tried: its findings are the answer, and what
runs goes on.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from filter_engine.config.model import Config
from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import WHO, Desk, Route
from filter_engine.workers.controller.replies import error, json_reply
from filter_engine.workers.controller.savers import reload

log = logging.getLogger(__name__)

_CONFIGTEST: Final = (sys.executable, "-m", "filter_engine.cli.main", "configtest", "--json")
"""A program of its own: loading takes memory that a controller would keep."""
_PATIENCE: Final = 60.0
"""Seconds for it."""


class ConfigtestError(Exception):
    """``configtest`` said nothing of use; the text is for people."""


class Reloads:
    """Lets the supervisor load the configuration anew, once it has been found good."""

    def __init__(self, desk: Desk) -> None:
        self._config = desk.context.config
        self._statistics = desk.context.statistics
        self._turn = asyncio.Lock()

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
        if self._turn.locked():
            return error(503, "another reload is being prepared")
        async with self._turn:
            try:
                said = await asyncio.to_thread(_configtest, self._config)
            except ConfigtestError as fault:
                return error(500, str(fault))
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


def _configtest(config: Config) -> Mapping[str, Any]:
    """What ``configtest --json`` says of this service's files; raises ``ConfigtestError``."""
    arguments = [f"--config={config.files[0]}"] if config.files else []
    arguments += [f"--var={name}={value}" for name, value in config.variables.items()]
    try:
        done = subprocess.run(  # noqa: S603  # our own program; the words are the service's own
            [*_CONFIGTEST, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise ConfigtestError(f"configtest did not end: {fault}") from fault
    try:
        said = orjson.loads(done.stdout)
        if isinstance(said["ok"], bool) and isinstance(said["findings"], list):
            found: Mapping[str, Any] = said
            return found
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    words = " ".join(done.stderr.decode("utf-8", "replace").split())
    raise ConfigtestError(f"configtest: {words[-500:]}")
