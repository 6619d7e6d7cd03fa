"""Asking scanners over HTTP: the next one when one fails, and one answer a message."""

from __future__ import annotations

import asyncio
import logging

from filter_engine.config.log_levels import NOTICE
from filter_engine.config.upstreams import Upstream
from filter_engine.config.workers import ScanUpstream
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.upstream.upstream_set import Health, Standing, UpstreamSet
from filter_engine.wire.checkv2 import MAX_REPLY, ReplyError, parse_reply
from filter_engine.wire.compression import CompressionError, compress, decompress
from filter_engine.wire.http.client import Answer, HttpClient, UpstreamError
from filter_engine.wire.request import envelope_headers
from filter_engine.workers.logs.tag import HEADER, log_tag
from filter_engine.workers.self_scan import Judged
from filter_engine.workers.statistics import Counter, Row
from filter_engine.workers.tls import client_context

log = logging.getLogger(__name__)

PATH = "/checkv2"
_TAG = HEADER.encode()
_SCANNERS_OWN = frozenset({408, 429})
"""4xx that tell of the scanner's state, not of the message: too slow, too busy (RFC 6585)."""


class NoScannerError(Exception):
    """No scanner gave a verdict; the message says what each of them said."""


class RefusedError(UpstreamError):
    """The scanner does not take this message (4xx): that says nothing about its health."""


class OversizeError(Exception):
    """The scanner refuses the message for its size (its ``max_message`` is smaller than ours)."""


class ScanClient:
    """The scanners of one ``upstream`` section. Use within a running loop."""

    def __init__(
        self,
        upstream: ScanUpstream,
        timeout: float,
        max_retries: int,
        health: Health,
        statistics: Row,
    ) -> None:
        """``timeout``: seconds for all attempts at one message; ``max_retries``: scanners tried;
        ``health``: when a scanner counts as dead.

        Raises ``BindError`` where the upstream's ``ssl_ca`` cannot be used.
        """
        if upstream.hosts is None:
            raise ValueError("the upstream names no hosts")
        self._set = UpstreamSet(upstream.hosts, health)
        self._timeout = upstream.timeout or timeout
        self._attempts = min(max_retries, len(self._set))
        self._compress = upstream.compression
        self._extra = _extra_headers(upstream)
        context = client_context(upstream, "proxy")
        self._client = HttpClient(max_body=MAX_REPLY, tls=context, tls_name=upstream.ssl_name)
        self._statistics = statistics

    async def scan(self, raw: bytes, envelope: Envelope) -> Judged:
        """The verdict of the first scanner that gives one.

        What is left of the time is shared among the attempts that are left, so that a scanner that
        hangs leaves time for the next. A scanner that refuses the message itself keeps its good
        name. Raises ``NoScannerError`` or ``OversizeError``.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        headers = [head for head in envelope_headers(envelope) if head[0] != _TAG.lower()]
        headers += self._extra
        if tag := log_tag():  # its lines there bear it, too
            headers.append((_TAG, tag.encode()))
        body = await asyncio.to_thread(compress, raw) if self._compress else raw
        key = (envelope.queue_id or "").encode("utf-8", "surrogateescape")
        tried: list[Upstream] = []
        complaints: list[str] = []
        for left in range(self._attempts, 0, -1):
            upstream = self._set.choose(loop.time(), key=key, tried=tried)
            if upstream is None:
                break
            tried.append(upstream)
            try:
                share = max((deadline - loop.time()) / left, 0.1)
                answer = await self._client.request(upstream, PATH, headers, body, share)
                verdict = _verdict(upstream, answer)
            except UpstreamError as error:
                complaints.append(str(error))
                self._note_failure(upstream, error, loop.time())
                continue
            if self._set.succeeded(upstream):
                log.log(NOTICE, "scanner %s is back", upstream.name)
            return Judged(verdict, upstream.name)
        raise NoScannerError("; ".join(complaints) or "no scanner is configured")

    def standings(self) -> list[Standing]:
        """How the scanners stand."""
        return self._set.standings("scanner", asyncio.get_running_loop().time())

    def close(self) -> None:
        """Close pooled connections."""
        self._client.close()

    def _note_failure(self, upstream: Upstream, error: UpstreamError, now: float) -> None:
        self._statistics.add(Counter.UPSTREAM_ERRORS)
        log.warning("scanner failed, trying the next: %s", error)
        if not isinstance(error, RefusedError) and self._set.failed(upstream, now):
            log.error("scanner %s counts as dead for a while", upstream.name)


def _verdict(upstream: Upstream, answer: Answer) -> Verdict:
    if answer.status == 413:
        raise OversizeError(f"{upstream.name}: {answer.reason}")
    if answer.status != 200:
        text = f"{upstream.name}: {answer.status} {answer.reason[:100]}"
        if 400 <= answer.status < 500 and answer.status not in _SCANNERS_OWN:
            raise RefusedError(text)
        raise UpstreamError(text)
    body = answer.body
    try:
        if (answer.header(b"compression") or b"").strip().lower() == b"zstd":
            body = decompress(body, MAX_REPLY)
        return parse_reply(body)
    except (CompressionError, ReplyError) as error:
        raise UpstreamError(f"{upstream.name}: unusable answer: {error}") from None


def _extra_headers(upstream: ScanUpstream) -> list[tuple[bytes, bytes]]:
    extra: list[tuple[bytes, bytes]] = []
    if upstream.settings_id:
        extra.append((b"Settings-ID", upstream.settings_id.encode()))
    if upstream.compression:
        extra.append((b"Compression", b"zstd"))
    return extra
