"""The files of a WebUI, from ``static_dir``."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from aiohttp import web

from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import SERVER, plain

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "frame-ancestors 'none'; object-src 'none'; base-uri 'self'",
}
"""Headers of every file."""


class StaticFiles:
    """Serves regular files below one directory, to anybody: they are a program, no data."""

    def __init__(self, desk: Desk) -> None:
        chosen = desk.config.static_dir or desk.context.config.variables.get("WWWDIR", "")
        self._root = Path(chosen).absolute() if chosen and Path(chosen).is_dir() else None

    def routes(self) -> tuple[Route, ...]:
        """Whatever no other endpoint takes; to be added last."""
        return (Route("/{path:.*}", self._file, Right.NONE),)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._place(request.match_info["path"])
        if path is None or request.method not in ("GET", "HEAD"):
            return plain(b"Not found", "text/plain", 404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {**SAFE, "Content-Type": kind, "Server": SERVER, "Cache-Control": "no-cache"}
        return web.FileResponse(path, headers=headers)

    def _place(self, asked: str) -> Path | None:
        """The file, None where there is none; no name climbs out of the directory."""
        if self._root is None:
            return None
        words = asked.split("/") if asked else []
        if any(word in ("", ".", "..") or word.startswith(".") or "\0" in word for word in words):
            return None
        path = self._root.joinpath(*words) if words else self._root / "index.html"
        return path if os.path.isfile(path) else None
