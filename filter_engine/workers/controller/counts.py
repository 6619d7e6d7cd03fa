"""Numbers of this host: ``auth``, ``stat``, ``pie``, ``actions``, ``neighbours``, ``graph``."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from filter_engine import __version__
from filter_engine.config.workers import CONTROLLER_PORT
from filter_engine.scan.verdict import Action
from filter_engine.statistics.learning import learnt_in_all
from filter_engine.workers.access import Right
from filter_engine.workers.controller.desk import RIGHT, Desk, Route, may_change
from filter_engine.workers.controller.replies import error, json_reply, plain
from filter_engine.workers.controller.throughput import SHOWN, STEPS, Throughput
from filter_engine.workers.statistics import ACTION_COUNTERS, Counter, Totals

HEARTBEAT_LIMIT = 60.0
"""Seconds after which a process that says nothing counts as stuck."""
_PIE = (
    ("#66cc00", "Clean", (Action.NO_ACTION,)),
    ("#cc9966", "Temporarily rejected", (Action.SOFT_REJECT,)),
    ("#FFD700", "Probable spam", (Action.ADD_HEADER, Action.REWRITE_SUBJECT)),
    ("#436EEE", "Greylisted", (Action.GREYLIST,)),
    ("#FF0000", "Rejected", (Action.REJECT,)),
)
"""Colours, labels and actions of the WebUI's chart, as it expects them."""
HAM = frozenset({Action.NO_ACTION, Action.GREYLIST})


class Counts:
    """Reads the counters that all processes share."""

    def __init__(
        self,
        desk: Desk,
        throughput: Throughput,
        fuzzy: Callable[[], Awaitable[Mapping[str, int]]],
    ) -> None:
        """``fuzzy`` tells how many hashes each storage has."""
        self._desk = desk
        self._fuzzy = fuzzy
        self._statistics = desk.context.statistics
        self._throughput = throughput

    def routes(self) -> tuple[Route, ...]:
        """The endpoints."""
        return (
            Route("/ping", self._ping, Right.NONE),
            Route("/ready", self._ready, Right.NONE),
            Route("/healthy", self._healthy, Right.NONE),
            Route("/auth", self._auth, Right.READ),
            Route("/stat", self._stat, Right.READ),
            Route("/statreset", self._statreset, Right.CHANGE, alters=True),
            Route("/pie", self._pie, Right.READ),
            Route("/actions", self._actions, Right.READ),
            Route("/neighbours", self._neighbours, Right.READ),
            Route("/graph", self._graph, Right.READ),
        )

    async def _ping(self, _request: web.Request) -> web.StreamResponse:
        return plain(b"pong\r\n", "text/plain")

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        """Whether any process can scan, with which configuration, and how the last reload went.

        ``reloads`` counts the attempts; ``reload_error`` is null unless the last one was refused.
        """
        refused = self._statistics.reload_error()
        if refused is not None and request[RIGHT] < Right.READ:
            refused = "refused: see the log"
        state = {
            "config_id": self._desk.context.config_id,
            "reload_error": refused,
            "reloads": self._statistics.reloads(),
        }
        if any(row.get(Counter.SCANS) for row in self._statistics.alive()):
            return json_reply({"success": True, **state})
        return json_reply({"error": "no scanning process is ready", **state}, status=500)

    async def _healthy(self, _request: web.Request) -> web.StreamResponse:
        """Whether every process still turns its event loop."""
        now = time.monotonic()
        silent = [
            row
            for row in self._statistics.alive()
            if now - row.get(Counter.HEARTBEAT) > HEARTBEAT_LIMIT
        ]
        if silent:
            return json_reply({"error": f"{len(silent)} processes are stuck"}, status=500)
        return json_reply({"success": True})

    async def _auth(self, request: web.Request) -> web.StreamResponse:
        totals = self._statistics.totals()
        learned = sum(revision for _, revision in await self.learnt())
        return json_reply(
            {
                "version": __version__,
                "host": self._desk.context.scanner.server,
                "auth": "ok",
                "uptime": self._desk.uptime(),
                "clean": totals[Counter.NO_ACTION],
                "probable": totals[Counter.ADD_HEADER] + totals[Counter.REWRITE_SUBJECT],
                "greylist": totals[Counter.GREYLIST],
                "reject": totals[Counter.REJECT],
                "soft_reject": totals[Counter.SOFT_REJECT],
                "scanned": totals[Counter.SCANNED],
                "learned": learned,
                "read_only": not may_change(request),
                "config_id": self._desk.context.config_id,
            }
        )

    async def _stat(self, request: web.Request) -> web.StreamResponse:
        return await self._stat_reply(request, self._statistics.totals())

    async def _statreset(self, request: web.Request) -> web.StreamResponse:
        return await self._stat_reply(request, self._statistics.reset())

    async def learnt(self) -> list[tuple[dict[str, object], int]]:
        """Each class of each classifier as ``/stat`` shows it, and how often it was learnt."""
        stores, found = self._desk.stores, []
        for classifier in self._desk.classifiers if stores is not None else ():
            assert stores is not None
            numbers = await learnt_in_all(stores, classifier) or (0, 0)
            kind = type(classifier.store.where).__name__
            for symbol, revision in zip((classifier.spam, classifier.ham), numbers, strict=True):
                entry: dict[str, object] = {
                    "revision": revision,
                    "used": 0,
                    "total": 0,
                    "size": 0,
                    "symbol": symbol,
                    "type": "sqlite3" if kind == "Place" else "redis",
                    "languages": 0,
                    "users": 1,
                }
                found.append((entry, revision))
        return found

    async def _stat_reply(self, request: web.Request, totals: Totals) -> web.Response:
        ham = sum(totals[ACTION_COUNTERS[action]] for action in HAM)
        spam = sum(totals[count] for action, count in ACTION_COUNTERS.items() if action not in HAM)
        classes = await self.learnt()
        learned = sum(revision for _, revision in classes)
        return json_reply(
            {
                "version": __version__,
                "config_id": self._desk.context.config_id,
                "uptime": self._desk.uptime(),
                "read_only": not may_change(request),
                "scanned": totals[Counter.SCANNED],
                "learned": learned,
                "actions": {a.value: totals[ACTION_COUNTERS[a]] for a in SHOWN},
                "scan_times": list(totals.scan_times),
                "spam_count": spam,
                "ham_count": ham,
                "connections": totals[Counter.CONNECTIONS],
                "control_connections": totals[Counter.CONTROL_CONNECTIONS],
                # What ``rspamc stat`` prints and this engine does not have.
                "pools_allocated": 0,
                "pools_freed": 0,
                "bytes_allocated": 0,
                "chunks_allocated": 0,
                "shared_chunks_allocated": 0,
                "chunks_freed": 0,
                "chunks_oversized": 0,
                "fragmented": 0,
                "total_learns": learned,
                "statfiles": [entry for entry, _ in classes],
                "fuzzy_hashes": dict(await self._fuzzy()),
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
        totals = self._statistics.totals()
        slices = []
        for color, label, actions in _PIE:
            count = float(sum(totals[ACTION_COUNTERS[action]] for action in actions))
            slices.append({"color": color, "label": label, "data": count, "value": count})
        return json_reply(slices)

    async def _actions(self, _request: web.Request) -> web.StreamResponse:
        thresholds = self._desk.context.scanner.plan.thresholds
        listed = sorted(
            ((thresholds.get(action), action) for action in Action if action in SHOWN),
            key=lambda pair: math.inf if pair[0] is None else pair[0],
        )
        return json_reply([{"action": action.value, "value": limit} for limit, action in listed])

    async def _neighbours(self, _request: web.Request) -> web.StreamResponse:
        neighbours = self._desk.context.config.options.neighbours
        return json_reply(
            {
                name: {
                    "host": entry.host,
                    "path": entry.path,
                    "url": url_of(entry.host, entry.path),
                }
                for name, entry in neighbours.items()
            }
        )

    async def _graph(self, request: web.Request) -> web.StreamResponse:
        kind = request.query.get("type", "")
        if kind not in STEPS:
            return error(400, "Invalid graph type")
        return json_reply(self._throughput.series(kind))


def url_of(host: str, path: str) -> str:
    """The URL below which a neighbour's endpoints are.

    A host without scheme is a controller itself, as in Rspamd: HTTP, port ``CONTROLLER_PORT``.
    """
    url = host
    if "://" not in host:
        url = f"http://{host}" if re.search(r":\d+\Z", host) else f"http://{host}:{CONTROLLER_PORT}"
    below = path.strip("/")
    return f"{url.rstrip('/')}/{below}/" if below else f"{url.rstrip('/')}/"
