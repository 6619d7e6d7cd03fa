"""The controller: statistics, learning, changes and health over HTTP, for the WebUI, ``rspamc``
and monitoring."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable

from aiohttp import web

from filter_engine.config.workers import ControllerConfig
from filter_engine.workers.access import AccessControl, Caller, Right, TooManyError
from filter_engine.workers.bad_requests import BadRequests
from filter_engine.workers.controller.body import TIMEOUT, BodyError
from filter_engine.workers.controller.changes import Changes
from filter_engine.workers.controller.connections import BoundedSite, Connections
from filter_engine.workers.controller.counts import Counts, url_of
from filter_engine.workers.controller.desk import RIGHT, WHO, Desk, Handler, Route
from filter_engine.workers.controller.expiry import TokenExpiry
from filter_engine.workers.controller.explanations import Explanations
from filter_engine.workers.controller.fuzzy_rows import FuzzyRows
from filter_engine.workers.controller.known_symbols import KnownSymbols
from filter_engine.workers.controller.log_rows import LogRows
from filter_engine.workers.controller.mail import Mail
from filter_engine.workers.controller.map_files import MapFiles
from filter_engine.workers.controller.map_rows import MapRows
from filter_engine.workers.controller.metrics import Metrics
from filter_engine.workers.controller.origins import Neighbours, caller_of, may_be_embedded
from filter_engine.workers.controller.own_program import OwnProgram
from filter_engine.workers.controller.reloads import Reloads
from filter_engine.workers.controller.replies import encoded, error, json_reply, plain
from filter_engine.workers.controller.safe_headers import add_safe_headers, name_no_version
from filter_engine.workers.controller.savers import Savers, reload
from filter_engine.workers.controller.selector_rows import SelectorRows
from filter_engine.workers.controller.shared_scores import SharedScores
from filter_engine.workers.controller.sources import Sources
from filter_engine.workers.controller.state import State
from filter_engine.workers.controller.static_files import StaticFiles
from filter_engine.workers.controller.symbol_rows import SymbolRows
from filter_engine.workers.controller.throughput import Throughput, file_in
from filter_engine.workers.controller.worker_rows import WorkerRows
from filter_engine.workers.service import Context, Listeners
from filter_engine.workers.statistics import Counter

_GRACE = 5.0
"""Seconds for clients that were accepted before a reload and have said nothing yet."""
_FIRST = ("controller", "controller 1")
"""Names of a host's first controller, which does what has to be done once."""


class ControllerWorker:
    """A ``Service`` that answers the controller's requests."""

    def __init__(self, config: ControllerConfig, context: Context) -> None:
        self._context = context
        self._timeout = config.timeout
        self._connections = Connections(config.timeout)
        self._access = AccessControl(config)
        neighbours = context.config.options.neighbours.values()
        server = context.scanner.server
        self._neighbours = Neighbours(
            (url_of(entry.host, entry.path) for entry in neighbours),
            (server, server.partition(".")[0]),
        )
        self._throughput = Throughput(
            context.statistics,
            file_in(context.config.variables),
            writes=context.name in _FIRST,
        )
        self._sites: list[web.BaseSite] = []
        self._secure = Listeners()
        self._tls = context.tls(config)
        self._stopping: asyncio.Task[None] | None = None
        self._hurry = False
        self._app = web.Application(
            middlewares=[self._wrap], client_max_size=context.config.options.max_message
        )
        self._app.on_response_prepare.append(add_safe_headers)
        name_no_version()
        desk = Desk(config, context)
        self._expiry = TokenExpiry(desk, first=context.name in _FIRST)
        self._shared = SharedScores(desk, reload, first=context.name in _FIRST)
        routes = self._routes(desk)
        self._routes_by_path = by_path(routes)
        for route in routes:
            self._app.router.add_route("*", route.path, route.handler)
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=_http_log(),
            handle_signals=False,
            keepalive_timeout=config.timeout,
            shutdown_timeout=5.0,
        )

    def _routes(self, desk: Desk) -> tuple[Route, ...]:
        fuzzy = FuzzyRows(desk)
        counts = Counts(desk, self._throughput, fuzzy.counts)
        changes = Changes(self._context.config.variables.get("DBDIR", "."))
        maps = MapFiles(self._context.scanner.maps)
        program, known = OwnProgram(desk), KnownSymbols(desk)
        rooms = (
            counts,
            Metrics(desk, counts),
            SymbolRows(desk),
            LogRows(desk),
            Mail(desk),
            fuzzy,
            MapRows(maps, changes),
            Savers(desk, changes, maps, self._shared),
            program,
            Reloads(desk, program),
            SelectorRows(desk),
            Explanations(desk, known),
            Sources(desk, known),
            State(desk),
            WorkerRows(desk),
            StaticFiles(desk),
        )
        return tuple(route for room in rooms for route in room.routes())

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to serve."""
        asyncio.get_running_loop().set_exception_handler(self._connections.fault)
        await self._runner.setup()
        secure = (
            [] if self._tls is None else [s for s in sockets if s.fileno() in self._tls.sockets]
        )
        server = self._runner.server
        assert server is not None
        await self._secure.start(self._connections.factory(server), secure, self._tls)
        for sock in sockets:
            if sock in secure:
                continue
            site = BoundedSite(self._runner, sock, self._connections)
            await site.start()
            self._sites.append(site)
        self._throughput.start(asyncio.get_running_loop())
        self._expiry.start(asyncio.get_running_loop())
        self._shared.start(asyncio.get_running_loop())

    def drain(self, *, hurry: bool) -> None:
        """Accept nothing more."""
        self._hurry = self._hurry or hurry
        self._throughput.stop()
        self._expiry.stop()
        self._shared.stop()
        self._secure.stop()
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
                await self._secure.settle()
                if not self._hurry:
                    await self._connections.wait_spoken(_GRACE)
                await self._runner.cleanup()
        except TimeoutError:
            return False
        return True

    @web.middleware
    async def _wrap(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._context.row.add(Counter.CONTROL_CONNECTIONS)
        with self._connections.answering(request):
            caller = caller_of(request, foreign=self._neighbours.is_foreign(request))
            response = encoded(request, await self._answer(request, handler, caller))
            response.headers.update(self._neighbours.headers(request))
            return response

    async def _answer(
        self, request: web.Request, handler: Handler, caller: Caller
    ) -> web.StreamResponse:
        if request.method == "OPTIONS":  # a browser asks before it sends a password
            return plain(b"", "text/plain")
        # By the resource that was chosen, not by the path as it is written.
        resource = request.match_info.route.resource
        route = None if resource is None else self._routes_by_path.get(resource.canonical)
        needed = Right.NONE if route is None else route.right
        try:
            right = await self._access.right(caller)
        except TooManyError:
            response = error(429, "Too many wrong passwords, try again later")
            response.headers["Retry-After"] = "60"
            return response
        if right < needed:
            reason = "Unauthorized" if right is Right.NONE else "Enable password is required"
            # With credentials for the web server before us a browser takes 401 for their refusal,
            # forgets them and asks its user anew.
            plain_401 = right is Right.NONE and "Authorization" not in request.headers
            return json_reply({"error": reason}, status=401 if plain_401 else 403)
        if (
            route is not None
            and route.alters
            and request.method != "POST"
            and may_be_embedded(request)
        ):
            return error(405, "POST is expected")
        request[RIGHT] = right
        request[TIMEOUT] = self._timeout
        request[WHO] = _who(self._access.address(caller), caller)
        try:
            return await handler(request)
        except BodyError as fault:
            return error(fault.status, fault.reason)
        except web.HTTPRequestEntityTooLarge:
            limit = self._context.config.options.max_message
            return error(413, f"Message larger than {limit} bytes")
        except web.HTTPNotFound:
            return plain(b"Not found", "text/plain", status=404)


def by_path(routes: Iterable[Route]) -> dict[str, Route]:
    """The endpoints by path. Raises ValueError for two of one path: the right goes with the one
    that answers."""
    found: dict[str, Route] = {}
    for route in routes:
        if found.setdefault(route.path, route) is not route:
            raise ValueError(f"two endpoints {route.path}")
    return found


def _who(address: str | None, caller: Caller) -> str:
    """Who asks, for the record of changes."""
    place = "unix socket" if address is None else address
    return f"{place}, by password" if caller.password else place


def _http_log() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.http")
    if not any(isinstance(known, BadRequests) for known in logger.filters):
        logger.addFilter(BadRequests())
    return logger
