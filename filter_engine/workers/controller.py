"""The controller: statistics and health over HTTP, for the WebUI, ``rspamc`` and monitoring."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from filter_engine import __version__
from filter_engine.config.workers import ControllerConfig
from filter_engine.scan.verdict import Action
from filter_engine.wire.compression import compress
from filter_engine.workers.access import AccessControl, Right
from filter_engine.workers.bad_requests import BadRequests
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import ACTION_COUNTERS, Counter, Totals

HEARTBEAT_LIMIT = 60.0
"""Seconds after which a process that says nothing counts as stuck."""
_RIGHT = "right"
"""Where a request keeps the right it was granted."""
_PIE = (
    ("#66cc00", "Clean", (Action.NO_ACTION,)),
    ("#cc9966", "Temporarily rejected", (Action.SOFT_REJECT,)),
    ("#FFD700", "Probable spam", (Action.ADD_HEADER, Action.REWRITE_SUBJECT)),
    ("#436EEE", "Greylisted", (Action.GREYLIST,)),
    ("#FF0000", "Rejected", (Action.REJECT,)),
)
"""Colours, labels and actions of the WebUI's chart, as it expects them."""
_SHOWN = (
    Action.REJECT,
    Action.SOFT_REJECT,
    Action.REWRITE_SUBJECT,
    Action.ADD_HEADER,
    Action.GREYLIST,
    Action.NO_ACTION,
)
"""Actions ``/stat`` and ``/actions`` list."""
_HAM = frozenset({Action.NO_ACTION, Action.GREYLIST})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControllerWorker:
    """A ``Service`` that answers the controller's requests."""

    def __init__(self, config: ControllerConfig, context: Context) -> None:
        self._context = context
        self._access = AccessControl(config)
        self._config_id = context.config_id
        self._thresholds = context.scanner.plan.thresholds
        self._sites: list[web.BaseSite] = []
        self._stopping: asyncio.Task[None] | None = None
        self._app = web.Application(
            middlewares=[self._wrap], client_max_size=context.config.options.max_message
        )
        for path, handler, _ in self._routes():
            self._app.router.add_route("*", path, handler)
        self._rights = {path: right for path, _, right in self._routes()}
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=_http_log(),
            handle_signals=False,
            keepalive_timeout=config.timeout,
            shutdown_timeout=5.0,
        )

    def _routes(self) -> tuple[tuple[str, Handler, Right], ...]:
        """Path, handler and the right it needs."""
        return (
            ("/ping", self._ping, Right.NONE),
            ("/ready", self._ready, Right.NONE),
            ("/healthy", self._healthy, Right.NONE),
            ("/auth", self._auth, Right.READ),
            ("/stat", self._stat, Right.READ),
            ("/statreset", self._statreset, Right.CHANGE),
            ("/pie", self._pie, Right.READ),
            ("/actions", self._actions, Right.READ),
            ("/neighbours", self._neighbours, Right.READ),
        )

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to serve."""
        await self._runner.setup()
        for sock in sockets:
            site = web.SockSite(self._runner, sock)
            await site.start()
            self._sites.append(site)

    def drain(self, *, hurry: bool) -> None:  # noqa: ARG002  # requests are short: no difference
        """Accept nothing more."""
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop_sites())

    async def _stop_sites(self) -> None:
        for site in self._sites:
            await site.stop()

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for requests under way."""
        try:
            async with asyncio.timeout(seconds):
                if self._stopping is not None:
                    await self._stopping
                await self._runner.cleanup()
        except TimeoutError:
            return False
        return True

    @web.middleware
    async def _wrap(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._context.row.add(Counter.CONTROL_CONNECTIONS)
        needed = self._rights.get(request.path, Right.NONE)
        right = await self._access.right(*_origin(request), _password(request))
        if right < needed:
            reason = "Unauthorized" if right is Right.NONE else "Enable password is required"
            return _json({"error": reason}, status=401 if right is Right.NONE else 403)
        request[_RIGHT] = right
        try:
            return _encoded(request, await handler(request))
        except web.HTTPNotFound:
            return _answer(b"Not found", "text/plain", status=404)

    async def _ping(self, _request: web.Request) -> web.StreamResponse:
        return _answer(b"pong\r\n", "text/plain")

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """Whether any process can scan, with which configuration, and how the last reload went.

        ``reloads`` counts the attempts; ``reload_error`` is null unless the last one was refused.
        """
        statistics = self._context.statistics
        refused = statistics.reload_error()
        if refused is not None and request[_RIGHT] < Right.READ:
            refused = "refused: see the log"
        state = {
            "config_id": self._config_id,
            "reload_error": refused,
            "reloads": statistics.reloads(),
        }
        if any(row.get(Counter.SCANS) for row in statistics.alive()):
            return _json({"success": True, **state})
        return _json({"error": "no scanning process is ready", **state}, status=500)

    async def _healthy(self, _request: web.Request) -> web.StreamResponse:
        """Whether every process still turns its event loop."""
        now = time.monotonic()
        silent = [
            row
            for row in self._context.statistics.alive()
            if now - row.get(Counter.HEARTBEAT) > HEARTBEAT_LIMIT
        ]
        if silent:
            return _json({"error": f"{len(silent)} processes are stuck"}, status=500)
        return _json({"success": True})

    async def _auth(self, request: web.Request) -> web.StreamResponse:
        totals = self._context.statistics.totals()
        return _json(
            {
                "version": __version__,
                "auth": "ok",
                "uptime": self._uptime(),
                "clean": totals[Counter.NO_ACTION],
                "probable": totals[Counter.ADD_HEADER] + totals[Counter.REWRITE_SUBJECT],
                "greylist": totals[Counter.GREYLIST],
                "reject": totals[Counter.REJECT],
                "soft_reject": totals[Counter.SOFT_REJECT],
                "scanned": totals[Counter.SCANNED],
                "learned": totals[Counter.LEARNED],
                "read_only": request[_RIGHT] < Right.CHANGE,
                "config_id": self._config_id,
            }
        )

    async def _stat(self, request: web.Request) -> web.StreamResponse:
        return self._stat_reply(request, self._context.statistics.totals())

    async def _statreset(self, request: web.Request) -> web.StreamResponse:
        return self._stat_reply(request, self._context.statistics.reset())

    def _stat_reply(self, request: web.Request, totals: Totals) -> web.Response:
        ham = sum(totals[ACTION_COUNTERS[action]] for action in _HAM)
        spam = sum(totals[count] for action, count in ACTION_COUNTERS.items() if action not in _HAM)
        return _json(
            {
                "version": __version__,
                "config_id": self._config_id,
                "uptime": self._uptime(),
                "read_only": request[_RIGHT] < Right.CHANGE,
                "scanned": totals[Counter.SCANNED],
                "learned": totals[Counter.LEARNED],
                "actions": {a.value: totals[ACTION_COUNTERS[a]] for a in _SHOWN},
                "scan_times": list(totals.scan_times),
                "spam_count": spam,
                "ham_count": ham,
                "connections": totals[Counter.CONNECTIONS],
                "control_connections": totals[Counter.CONTROL_CONNECTIONS],
                "total_learns": totals[Counter.LEARNED],
                "statfiles": [],
                "fuzzy_hashes": {},
                "bytes_scanned": totals[Counter.BYTES],
                "scan_errors": totals[Counter.SCAN_ERRORS],
                "scan_timeouts": totals[Counter.TIMEOUTS],
                "unfinished_checks": totals[Counter.UNFINISHED],
                "store_failures": totals[Counter.STORE_FAILURES],
                "oversize": totals[Counter.OVERSIZE],
                "tempfailed": totals[Counter.TEMPFAILED],
                "upstream_errors": totals[Counter.UPSTREAM_ERRORS],
                "protocol_errors": totals[Counter.PROTOCOL_ERRORS],
            }
        )

    async def _pie(self, _request: web.Request) -> web.StreamResponse:
        totals = self._context.statistics.totals()
        slices = []
        for color, label, actions in _PIE:
            count = float(sum(totals[ACTION_COUNTERS[action]] for action in actions))
            slices.append({"color": color, "label": label, "data": count, "value": count})
        return _json(slices)

    async def _actions(self, _request: web.Request) -> web.StreamResponse:
        listed = sorted(
            ((self._thresholds.get(action), action) for action in Action if action in _SHOWN),
            key=lambda pair: math.inf if pair[0] is None else pair[0],
        )
        return _json([{"action": action.value, "value": limit} for limit, action in listed])

    async def _neighbours(self, _request: web.Request) -> web.StreamResponse:
        neighbours = self._context.config.options.neighbours
        return _json(
            {name: {"host": entry.host, "path": entry.path} for name, entry in neighbours.items()}
        )

    def _uptime(self) -> int:
        return int(time.time() - self._context.statistics.started)


def _http_log() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.http")
    if not any(isinstance(known, BadRequests) for known in logger.filters):
        logger.addFilter(BadRequests())
    return logger


def _origin(request: web.Request) -> tuple[str | None, str | None]:
    """The TCP client and the address a proxy names: the last one, which our proxy wrote itself."""
    forwarded = request.headers.get("X-Forwarded-For") or request.headers.get("X-Real-IP")
    if forwarded is not None:
        forwarded = forwarded.rpartition(",")[2].strip()
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return (peer[0].partition("%")[0] if isinstance(peer, tuple) else None), forwarded


def _password(request: web.Request) -> bytes | None:
    password = request.headers.get("Password")
    return None if password is None else password.encode("utf-8", "surrogateescape")


def _encoded(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The reply in zstd where ``Accept-Encoding`` names it (RFC 9110, section 12.5.3)."""
    named = [word.strip() for word in request.headers.get("Accept-Encoding", "").lower().split(",")]
    weights = [word.partition(";")[2] for word in named if word.partition(";")[0].strip() == "zstd"]
    refused = not weights or re.fullmatch(r"\s*q=0(?:\.0*)?\s*", weights[0])
    if not refused and isinstance(response, web.Response) and isinstance(response.body, bytes):
        response.body = compress(response.body)
        response.headers["Content-Encoding"] = "zstd"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _json(data: object, status: int = 200) -> web.Response:
    return _answer(orjson.dumps(data), "application/json", status)


def _answer(body: bytes, content_type: str, status: int = 200) -> web.Response:
    return web.Response(
        body=body,
        status=status,
        content_type=content_type,
        headers={"Cache-Control": "no-store", "Server": f"filter_engine/{__version__}"},
    )
