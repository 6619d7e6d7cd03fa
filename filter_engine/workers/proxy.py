"""The proxy worker: speaks milter with the MTA and gets the verdict, from itself or a scanner."""

from __future__ import annotations

import asyncio
import logging
import socket

from filter_engine.config.workers import ProxyConfig
from filter_engine.scan.verdict import Verdict
from filter_engine.wire.budget import Budget
from filter_engine.wire.milter.reply import ReplyOptions
from filter_engine.wire.milter.session import Limits, MessageReceived
from filter_engine.workers import unscanned
from filter_engine.workers.logs import log_message
from filter_engine.workers.milter_server import MilterServer
from filter_engine.workers.scan_upstream import NoScannerError, OversizeError, ScanClient
from filter_engine.workers.service import Context, Listeners
from filter_engine.workers.statistics import Counter

log = logging.getLogger(__name__)

HELD_MESSAGES = 8
"""Messages of the greatest size a process may hold at once; smaller ones accordingly more."""


def scans_itself(config: ProxyConfig) -> bool:
    """Whether the proxy scans in its own process: asked to, or no scanner is named."""
    upstream = config.default_upstream
    return upstream is None or upstream.self_scan or upstream.hosts is None


class ProxyWorker:
    """A ``Service`` that answers milter connections."""

    def __init__(self, config: ProxyConfig, context: Context) -> None:
        self._context = context
        self._scanner = context.scanner
        self._timeout = config.timeout
        self._max_message = context.config.options.max_message
        upstream = config.default_upstream
        self._client: ScanClient | None = None
        if upstream is not None and not scans_itself(config):
            self._client = ScanClient(upstream, config.timeout, config.max_retries, context.row)
        self._listeners = Listeners()
        self._server = MilterServer(
            self.judge,
            Limits(self._max_message),
            ReplyOptions(
                reject_message=config.reject_message,
                spam_header=config.spam_header,
                discard_on_reject=config.discard_on_reject,
                quarantine_on_reject=config.quarantine_on_reject,
            ),
            Budget(HELD_MESSAGES * self._max_message),
            context.row,
        )

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to accept milter connections."""
        await self._listeners.start(self._server.connection, sockets)

    def drain(self, *, hurry: bool) -> None:
        """Accept no connection any more; let those there are end."""
        self._listeners.stop()
        self._server.drain(hurry=hurry)

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for the connections to end."""
        clean = await self._server.wait_drained(seconds)
        if self._client is not None:
            self._client.close()
        return clean

    async def judge(self, message: MessageReceived) -> Verdict | None:
        """The verdict on one message; None (a temporary failure) when there is none to be had."""
        if message.oversize:
            return self._oversize(message)
        try:
            if self._client is not None:
                judged = await self._client.scan(message.raw, message.envelope)
                verdict, scanner = judged.verdict, judged.scanner
            else:
                verdict, scanner = await self._scan(message), "self"
        except OversizeError as error:
            log.warning("passed unscanned: %s", error)
            return self._oversize(message)
        except NoScannerError as error:
            log.error("message %s: temporary failure: %s", message.envelope.queue_id, error)
            return None
        log_message(verdict, message.envelope, message.size, scanner)
        return verdict

    async def _scan(self, message: MessageReceived) -> Verdict:
        row = self._context.row
        try:
            async with asyncio.timeout(self._timeout):
                verdict = await self._scanner.scan(message.raw, message.envelope)
        except Exception:
            row.add(Counter.SCAN_ERRORS)
            raise
        row.record(verdict, message.size)
        return verdict

    def _oversize(self, message: MessageReceived) -> Verdict:
        self._context.row.add(Counter.OVERSIZE)
        verdict = unscanned.oversize(self._scanner, message.envelope, self._max_message)
        log_message(verdict, message.envelope, message.size, "none: too large")
        return verdict
