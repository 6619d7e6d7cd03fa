"""The normal worker: scans messages asked for over HTTP."""

from __future__ import annotations

import socket

from filter_engine.config.workers import NormalConfig
from filter_engine.wire.http.message import HttpLimits
from filter_engine.wire.http.server import HttpConnection, HttpServer
from filter_engine.workers.scan_service import ScanService, error
from filter_engine.workers.self_scan import SelfScan
from filter_engine.workers.service import Context, Listeners
from filter_engine.workers.statistics import Counter


class NormalWorker:
    """A ``Service`` that answers scan requests."""

    def __init__(self, config: NormalConfig, context: Context) -> None:
        self._row = context.row
        max_message = context.config.options.max_message
        budget = context.budget()
        scans = ScanService(
            context,
            SelfScan(context, config.task_timeout).scan,
            max_tasks=config.max_tasks,
            budget=budget,
        )
        self._listeners = Listeners()
        self._tls = context.tls(config)
        self._server = HttpServer(
            scans.handle,
            HttpLimits(max_message, head_timeout=config.timeout),
            budget=budget,
            refusal=error,
        )

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to accept requests."""
        await self._listeners.start(self._connection, sockets, self._tls)

    def drain(self, *, hurry: bool) -> None:  # noqa: ARG002  # requests are short: no difference
        """Accept no connection any more; answer what is under way."""
        self._listeners.stop()
        self._server.drain()

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for the requests under way."""
        await self._listeners.settle()
        return await self._server.wait_drained(seconds)

    def _connection(self) -> HttpConnection:
        self._row.add(Counter.CONNECTIONS)
        return self._server.connection()
