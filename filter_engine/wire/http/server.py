"""An HTTP/1.1 server for scan requests: bounded, keep-alive, drains without losing a request."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from filter_engine.wire.budget import Budget
from filter_engine.wire.connections import Connections
from filter_engine.wire.http.message import HttpLimits, Request, Response, head

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[int, str], Response]
"""Makes the response for a request that is refused, from status and reason."""


def _plain_refusal(status: int, reason: str) -> Response:
    return Response(reason.encode(), status, reason, "text/plain")


class HttpServer(Connections["HttpConnection"]):
    """What the connections of one worker share; ``connection`` is the protocol factory."""

    def __init__(
        self,
        handler: Handler,
        limits: HttpLimits,
        *,
        budget: Budget | None = None,
        refusal: Refusal = _plain_refusal,
    ) -> None:
        super().__init__()
        self.handler = handler
        self.limits = limits
        self.budget = budget
        self.refusal = refusal
        self.accepted = 0

    def connection(self) -> HttpConnection:
        """A protocol for one accepted connection."""
        self.accepted += 1
        return HttpConnection(self)

    def drain(self) -> None:
        """Answer what is under way and what comes within the drain time, then close."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.drain()
        self.close_if_empty()


class HttpConnection(asyncio.Protocol):
    """One client connection; requests on it are handled one after the other."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._limits = server.limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer: str | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool, int]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._deadline = self._loop.time() + self._limits.idle_timeout
        self._receiving = False
        self._refused = False
        self._eof = False
        self._held = 0
        self._receiving_held = 0
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0].partition("%")[0] if isinstance(peer, tuple) else None
        self._server.enter(self)
        if self._server.draining:
            self.drain()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()
        self._waiting.clear()
        self._release(self._held)
        self._server.forget(self)
        self._refused = True
        del self._parser  # it holds us: else both wait for the garbage collector

    def eof_received(self) -> bool:
        self._eof = True
        # The client may still wait for its answer: keep our half open. TLS has no halves.
        secure = self._transport is None or self._transport.get_extra_info("sslcontext")
        return not secure and (self._task is not None or bool(self._waiting))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "Upgrade is not supported")
        except httptools.HttpParserError as error:
            if not self._refused:
                self._refuse(400, f"Bad request: {error}")

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._receiving = True
        self._begin()
        self._deadline = self._loop.time() + self._limits.head_timeout

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + 4)
        if len(self._headers) >= self._limits.max_fields:
            self._stop(431, "Too many request headers")
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._deadline = self._loop.time() + self._limits.body_timeout
        for name, value in self._headers:
            if name == b"content-length" and value.isdigit():
                if int(value[:20]) > self._limits.max_body:
                    self._stop(413, f"Message larger than {self._limits.max_body} bytes")
            elif name == b"expect" and value.lower() == b"100-continue":
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._limits.max_body:
            self._stop(413, f"Message larger than {self._limits.max_body} bytes")
        self._hold(len(body))
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        url = httptools.parse_url(self._url)
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=(url.path or b"/").decode("utf-8", "surrogateescape"),
            query=(url.query or b"").decode("utf-8", "surrogateescape"),
            headers=tuple(self._headers),
            body=b"".join(self._body),
            peer=self._peer,
        )
        keep_alive = self._parser.should_keep_alive()
        self._begin()
        self._waiting.append((request, keep_alive, self._receiving_held))
        self._receiving_held = 0
        if self._task is None:
            self._next()
        elif self._transport is not None:
            self._transport.pause_reading()  # one request ahead is enough

    # requests one by one

    def _next(self) -> None:
        request, keep_alive, held = self._waiting.popleft()
        self._deadline = float("inf")
        self._task = self._loop.create_task(self._serve(request, keep_alive, held))

    async def _serve(self, request: Request, keep_alive: bool, held: int) -> None:
        try:
            response = await self._server.handler(request)
        except Exception:
            log.exception("request %s failed", request.path)
            response = self._server.refusal(500, "Internal error")
        self._task = None
        self._release(held)
        transport = self._transport
        assert transport is not None
        if transport.is_closing():
            return
        more = bool(self._waiting)
        ending = self._eof or self._refused or self._server.draining
        keep_alive = keep_alive and (more or not ending)
        self._write(head(response, keep_alive=keep_alive) + response.body)
        if not keep_alive:
            self._close()
        elif more:
            self._next()
        else:
            self._deadline = self._loop.time() + self._limits.idle_timeout
            transport.resume_reading()

    def _close(self) -> None:
        """Close once everything is written; cut off a client that does not read."""
        assert self._transport is not None
        self._refused = True
        self._waiting.clear()
        self._deadline = self._loop.time() + self._limits.linger_time
        self._transport.close()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with an error, then read on for a while so that the client gets to see it."""
        self._refused = True
        if self._task is not None:
            return  # earlier requests are answered first, then the connection closes
        self._release(self._held)
        self._begin()
        response = self._server.refusal(status, reason)
        self._write(head(response, keep_alive=False) + response.body)
        assert self._transport is not None
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline = self._loop.time() + self._limits.linger_time

    def _stop(self, status: int, reason: str) -> None:
        self._refuse(status, reason)
        raise _RefusedError  # ends the parser's work on this connection

    def _count_head(self, octets: int) -> None:
        self._head_size += octets
        if self._head_size > self._limits.max_head:
            self._stop(431, "Request headers too large")
        self._hold(octets)

    def _hold(self, octets: int) -> None:
        budget = self._server.budget
        if budget is not None:
            if not budget.take(octets):
                self._stop(503, "Too many messages at once")
            self._held += octets
            self._receiving_held += octets

    def _release(self, octets: int) -> None:
        budget = self._server.budget
        if budget is not None and self._held:
            octets = min(octets, self._held)
            budget.give(octets)
            self._held -= octets

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    # time

    def drain(self) -> None:
        """Let an idle connection go soon; one at work closes after its answer."""
        if self._task is None and not self._receiving and not self._refused:
            self._deadline = self._loop.time() + self._limits.drain_time

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    def check_deadline(self, now: float) -> None:
        """End the connection if it kept us waiting for too long."""
        if now < self._deadline:
            return
        if self._refused:
            self.abort()
        elif self._receiving:
            self._refuse(408, "Request took too long")
        else:
            self._close()


class _RefusedError(Exception):
    """Raised through the parser to stop it; the refusal has been sent."""
