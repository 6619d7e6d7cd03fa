"""What has happened: ``history``, ``historyreset``, ``errors``."""

from __future__ import annotations

from aiohttp import web

from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import Desk, Route
from filter_engine.workers.controller.replies import error, json_reply
from filter_engine.workers.error_notes import noted

_FORMAT = 2
"""Version of the rows, as the WebUI knows them."""


class LogRows:
    """Rows of scans and errors."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._history = desk.history()

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/history", self._rows, Right.READ),
            Route("/historyreset", self._reset, Right.CHANGE, alters=True),
            Route("/errors", self._errors, Right.CHANGE),
        )

    async def _rows(self, request: web.Request) -> web.StreamResponse:
        """The last scans, the newest first; ``?from=0&to=9`` asks for some, the last included."""
        first, last = _number(request, "from", 0), _number(request, "to", -1)
        if first is None or last is None:
            return error(400, "Invalid from or to")
        stores = self._desk.stores
        if self._history is None or stores is None:
            return json_reply({"rows": [], "version": _FORMAT})
        answer = await stores.answer(self._history.newest(first, last))
        if not answer.ok:
            return error(503, f"history: {answer.evidence}")
        return json_reply({"rows": self._history.rows(answer.value or ()), "version": _FORMAT})

    async def _reset(self, _request: web.Request) -> web.StreamResponse:
        stores = self._desk.stores
        if self._history is not None and stores is not None:
            answer = await stores.answer(self._history.reset())
            if not answer.ok:
                return error(503, f"history: {answer.evidence}")
        return json_reply({"success": True})

    async def _errors(self, _request: web.Request) -> web.StreamResponse:
        return json_reply(noted(self._desk.context.statistics.errors))


def _number(request: web.Request, name: str, otherwise: int) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return otherwise
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
