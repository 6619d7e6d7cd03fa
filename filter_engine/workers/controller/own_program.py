"""The files as they are on disk: ``configtest``, ``configdump``, ``configexplain``.

Asked of the command itself in a process of its own: one cannot say other than the other, and
loading takes memory that a controller would keep.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from filter_engine.config.variables import IN_ENVIRONMENT
from filter_engine.workers.access import Right
from filter_engine.workers.controller.body import BodyError
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import json_reply, plain

_COMMAND: Final = (sys.executable, "-m", "filter_engine.cli.main")
_PATIENCE: Final = 60.0
"""Seconds for one."""
_MOST: Final = 100
"""Names of one request."""
_SHOWN: Final = 1000
"""Characters of a complaint."""


class OwnProgram:
    """Runs one at a time, with this service's main file and variables."""

    def __init__(self, desk: Desk) -> None:
        config = desk.context.config
        self._arguments = [f"--config={config.files[0]}"] if config.files else []
        # Not as arguments: every user of the host may read the process list.
        self._variables = {IN_ENVIRONMENT: json.dumps(dict(config.variables))}
        self._turn = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/configtest", self._test, Right.CHANGE),
            Route("/configdump", self._dump, Right.CHANGE),
            Route("/configexplain", self._explain, Right.CHANGE),
        )

    async def configtest(self) -> Mapping[str, Any]:
        """What ``configtest --json`` reports; raises ``BodyError`` when it says nothing of use."""
        done = await self._run(["configtest", "--json"])
        try:
            said = orjson.loads(done.stdout)
            if isinstance(said["ok"], bool) and isinstance(said["findings"], list):
                found: Mapping[str, Any] = said
                return found
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        raise BodyError(500, _complaint(done))

    async def _test(self, _request: web.Request) -> web.StreamResponse:
        return json_reply(await self.configtest())

    async def _dump(self, request: web.Request) -> web.StreamResponse:
        """``configdump --json``; ``?section=options.dns``, repeatable. Secrets are hidden."""
        return self._reply(
            await self._run(["configdump", "--json"], _names(request, "section")),
            "application/json",
        )

    async def _explain(self, request: web.Request) -> web.StreamResponse:
        """``config explain``; ``?key=actions.reject``, repeatable; ``&form=text`` for people."""
        words = ["config", "explain"]
        is_text = request.query.get("form") == "text"
        done = await self._run(
            words if is_text else [*words, "--json"], _names(request, "key", least=1)
        )
        return self._reply(done, "text/plain" if is_text else "application/json")

    async def _run(
        self, words: list[str], names: list[str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        if self._turn.locked():
            raise BodyError(503, "the configuration is being read for somebody else: ask again")
        async with self._turn:
            try:
                return await asyncio.to_thread(
                    subprocess.run,
                    [*_COMMAND, *words, *self._arguments, "--", *(names or ())],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_PATIENCE,
                    check=False,
                    env=os.environ | self._variables,
                )
            except (OSError, ValueError, subprocess.TimeoutExpired) as fault:
                raise BodyError(500, f"{words[0]} did not end: {fault}"[:_SHOWN]) from fault

    @staticmethod
    def _reply(done: subprocess.CompletedProcess[bytes], content_type: str) -> web.StreamResponse:
        if done.returncode:
            raise BodyError(400, _complaint(done))
        return plain(done.stdout, content_type)


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    words = " ".join(done.stderr.decode("utf-8", "replace").split())
    return words.removeprefix("filter-engine: ")[:_SHOWN]


def _names(request: web.Request, parameter: str, least: int = 0) -> list[str]:
    names = request.query.getall(parameter, [])
    if not least <= len(names) <= _MOST or any("\0" in name for name in names):
        raise BodyError(400, f"{parameter}: expected {least} to {_MOST} names")
    return names
