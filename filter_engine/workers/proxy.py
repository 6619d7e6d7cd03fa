"""The proxy worker: takes messages by milter or HTTP; itself or a scanner judges them."""

from __future__ import annotations

import logging
import socket

from filter_engine.config.workers import ProxyConfig
from filter_engine.scan.verdict import Verdict
from filter_engine.upstream.upstream_set import Health
from filter_engine.wire.http.message import HttpLimits
from filter_engine.wire.http.server import HttpServer
from filter_engine.wire.milter.reply import ReplyOptions
from filter_engine.wire.milter.session import Limits, MessageReceived
from filter_engine.workers import unscanned
from filter_engine.workers.logs import log_message
from filter_engine.workers.milter_server import MilterServer
from filter_engine.workers.scan_service import Judge, ScanService, error
from filter_engine.workers.scan_upstream import NoScannerError, OversizeError, ScanClient
from filter_engine.workers.self_scan import SelfScan
from filter_engine.workers.service import Context, Listeners
from filter_engine.workers.statistics import Counter

log = logging.getLogger(__name__)


def scans_itself(config: ProxyConfig) -> bool:
    """Whether the proxy scans in its own process: asked to, or no scanner is named."""
    upstream = config.default_upstream
    return upstream is None or upstream.self_scan or upstream.hosts is None


class ProxyWorker:
    """A ``Service`` that answers milter connections, or HTTP where ``milter`` is off."""

    def __init__(self, config: ProxyConfig, context: Context) -> None:
        self._context = context
        self._max_message = context.config.options.max_message
        upstream = config.default_upstream
        self._client: ScanClient | None = None
        self._judge: Judge
        if upstream is None or scans_itself(config):
            self._judge = SelfScan(context).scan
        else:
            health = Health.of(context.config.options.upstream)
            self._client = ScanClient(
                upstream, config.timeout, config.max_retries, health, context.row
            )
            self._judge = self._client.scan
            context.standings.append(self._client.standings)
        self._listeners = Listeners()
        self._tls = context.tls(config)
        budget = context.budget()
        self._milter: MilterServer | None = None
        self._http: HttpServer | None = None
        if config.milter:
            options = ReplyOptions(
                reject_message=config.reject_message,
                tempfail_message=config.tempfail_message,
                spam_header=config.spam_header,
                discard_on_reject=config.discard_on_reject,
                quarantine_on_reject=config.quarantine_on_reject,
            )
            limits = Limits(self._max_message)
            # Connections ask about recipients only where a limit goes by them.
            asks = context.scanner.limits_recipients
            self._milter = MilterServer(
                self.judge,
                limits,
                options,
                budget,
                context.row,
                recipients=context.scanner.refused_recipient if asks else None,
            )
        else:
            # As Rspamd's proxy, which writes such headers itself where a scanner is on its host.
            service = ScanService(context, self._judge, budget=budget, drops_shm=True)
            limits_http = HttpLimits(self._max_message)
            self._http = HttpServer(service.handle, limits_http, budget=budget, refusal=error)

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to accept connections."""
        server = self._milter or self._http
        assert server is not None
        await self._listeners.start(server.connection, sockets, self._tls)

    def drain(self, *, hurry: bool) -> None:
        """Accept no connection any more; let those there are end."""
        self._listeners.stop()
        if self._milter is not None:
            self._milter.drain(hurry=hurry)
        if self._http is not None:
            self._http.drain()

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for the connections to end."""
        server = self._milter or self._http
        assert server is not None
        await self._listeners.settle()
        clean = await server.wait_drained(seconds)
        if self._client is not None:
            self._client.close()
        return clean

    async def judge(self, message: MessageReceived) -> Verdict | None:
        """The verdict on one message; None (a temporary failure) when there is none to be had."""
        if message.oversize:
            return self._oversize(message)
        try:
            judged = await self._judge(message.raw, message.envelope)
        except OversizeError as problem:
            log.warning("passed unscanned: %s", problem)
            return self._oversize(message)
        except NoScannerError as problem:
            log.error("message %s: temporary failure: %s", message.envelope.queue_id, problem)
            return None
        log_message(judged.verdict, message.envelope, message.size, judged.scanner)
        return judged.verdict

    def _oversize(self, message: MessageReceived) -> Verdict:
        self._context.row.add(Counter.OVERSIZE)
        scanner = self._context.scanner
        verdict = unscanned.oversize(scanner, message.envelope, self._max_message)
        log_message(verdict, message.envelope, message.size, "none: too large")
        return verdict
