"""The files of a WebUI: this engine's own, or those of ``static_dir``."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from aiohttp import web

from filter_engine import webui
from filter_engine.workers.access import Right
from filter_engine.workers.controller.counts import url_of
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.origins import origin_of
from filter_engine.workers.controller.replies import plain

RSPAMDS_POLICY = "frame-ancestors 'none'; object-src 'none'; base-uri 'self'"
"""Content-Security-Policy of a WebUI in ``static_dir``: it may need scripts and styles inline."""
OWN = Path(webui.__file__).parent
"""This engine's own WebUI."""
OWN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its Content-Security-Policy, with the neighbours it may ask."""


class StaticFiles:
    """Serves regular files below one directory, to anybody: they are a program, no data."""

    def __init__(self, desk: Desk) -> None:
        chosen = desk.config.static_dir or desk.context.config.variables.get("WWWDIR", "")
        self._root = Path(chosen).absolute() if chosen and Path(chosen).is_dir() else OWN
        self._policy = RSPAMDS_POLICY
        if self._root == OWN:
            neighbours = desk.context.config.options.neighbours.values()
            origins = sorted({origin_of(url_of(each.host, each.path)) for each in neighbours})
            named = "".join(f" {origin}" for origin in origins if origin)
            self._policy = OWN_POLICY.format(named)

    def routes(self) -> tuple[Route, ...]:
        """Whatever no other endpoint takes; to be added last."""
        return (Route("/{path:.*}", self._file, Right.NONE),)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._place(request.match_info["path"])
        if path is None or request.method not in ("GET", "HEAD"):
            return plain(b"Not found", "text/plain", 404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {
            "Content-Type": kind,
            "Content-Security-Policy": self._policy,
            "Cache-Control": "no-cache",
        }
        return web.FileResponse(path, headers=headers)

    def _place(self, asked: str) -> Path | None:
        """The file, None where there is none; no name climbs out of the directory."""
        words = asked.split("/") if asked else []
        if any(word in ("", ".", "..") or word.startswith(".") or "\0" in word for word in words):
            return None
        path = self._root.joinpath(*words) if words else self._root / "index.html"
        shown = os.path.isfile(path) and path.suffix not in (".py", ".pyc")
        return path if shown else None
