"""HTTP/1.1 requests to scanners: pooled connections, one deadline a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import httptools

from filter_engine.config.upstreams import Upstream
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.tls_client import why_unconnected
from filter_engine.wire.http.message import request_head

if TYPE_CHECKING:
    import ssl


class UpstreamError(Exception):
    """No usable answer came: not connected, cut off, too late or not HTTP."""


@frozen
class Answer:
    """A complete response; header names in lower case."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name, None when there is none."""
        for known, value in self.headers:
            if known == name:
                return value
        return None


class HttpClient:
    """Sends requests to upstreams and keeps idle connections for the next."""

    def __init__(
        self,
        *,
        max_body: int,
        connect_timeout: float = 2.0,
        idle_time: float = 5.0,
        max_idle: int = 16,
        tls: ssl.SSLContext | None = None,
        tls_name: str = "",
    ) -> None:
        """``max_body``: octets of a response body; times in seconds; ``max_idle``: per upstream.

        ``tls``: how to speak TLS with all that is no unix socket; ``tls_name``: the name that
        certificates have to bear, if not the host's.
        """
        self._max_body = max_body
        self._connect_timeout = connect_timeout
        self._idle_time = idle_time
        self._max_idle = max_idle
        self._tls = tls
        self._tls_name = tls_name
        self._idle: dict[str, list[tuple[float, _Connection]]] = {}

    async def request(
        self,
        upstream: Upstream,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
        seconds: float,
    ) -> Answer:
        """POST ``body`` and return the answer, whatever its status.

        Raises ``UpstreamError`` when none came within ``seconds``.
        """
        host = b"localhost" if upstream.is_unix else upstream.name.encode("ascii")
        whole = request_head("POST", path, ((b"Host", host), *headers), len(body))
        try:
            async with asyncio.timeout(seconds):
                pooled = self._take(upstream)
                if pooled is not None:
                    try:
                        return await self._exchange(upstream, pooled, whole, body)
                    except _StaleError:
                        pass  # closed by the other side while idle: nothing was answered
                return await self._exchange(upstream, await self._connect(upstream), whole, body)
        except TimeoutError:
            raise UpstreamError(f"{upstream.name}: no answer within {seconds:.1f} s") from None
        except _StaleError:
            raise UpstreamError(f"{upstream.name}: connection closed without an answer") from None

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for _, connection in connections:
                connection.close()
        self._idle.clear()

    async def _connect(self, upstream: Upstream) -> _Connection:
        loop = asyncio.get_running_loop()
        limit = self._max_body

        def factory() -> _Connection:
            return _Connection(limit)

        try:
            async with asyncio.timeout(self._connect_timeout):
                if upstream.is_unix:
                    _, connection = await loop.create_unix_connection(factory, upstream.host)
                else:
                    name = None if self._tls is None else self._tls_name or upstream.host
                    _, connection = await loop.create_connection(
                        factory, upstream.host, upstream.port, ssl=self._tls, server_hostname=name
                    )
        except TimeoutError:
            raise UpstreamError(
                f"{upstream.name}: not connected within {self._connect_timeout:.1f} s"
            ) from None
        except OSError as error:
            raise UpstreamError(f"{upstream.name}: {why_unconnected(error)}") from None
        return connection

    async def _exchange(
        self, upstream: Upstream, connection: _Connection, whole: bytes, body: bytes
    ) -> Answer:
        try:
            answer = await connection.exchange(whole, body)
        except _BadAnswerError as error:
            connection.close()
            raise UpstreamError(f"{upstream.name}: {error}") from None
        except BaseException:
            connection.close()
            raise
        self._give_back(upstream, connection)
        return answer

    def _take(self, upstream: Upstream) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        connections = self._idle.get(upstream.name, [])
        while connections:
            since, connection = connections.pop()
            if connection.usable and now - since < self._idle_time:
                return connection
            connection.close()
        return None

    def _give_back(self, upstream: Upstream, connection: _Connection) -> None:
        connections = self._idle.setdefault(upstream.name, [])
        if connection.usable and len(connections) < self._max_idle:
            connections.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()


class _StaleError(Exception):
    """The connection ended before the first octet of an answer."""


class _BadAnswerError(Exception):
    """The answer is no HTTP, too large or cut off."""


class _Connection(asyncio.Protocol):
    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._transport: asyncio.Transport | None = None
        self._future: asyncio.Future[Answer] | None = None
        self._keep_alive = True
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._body: list[bytes] = []
        self._size = 0
        self._begun = False

    @property
    def usable(self) -> bool:
        """Open and able to carry another request."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._keep_alive

    async def exchange(self, whole: bytes, body: bytes) -> Answer:
        assert self._transport is not None
        if self._transport.is_closing():
            raise _StaleError
        self._begin()
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(whole)
        self._transport.write(body)
        try:
            return await self._future
        finally:
            self._future = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._begun:
            self._fail(_StaleError())
        elif self._parser.get_status_code() and not self._framed():
            self._finish()  # a body without length ends with the connection
        else:
            self._fail(_BadAnswerError("answer cut off"))

    def data_received(self, data: bytes) -> None:
        if self._future is None:
            self.close()  # nobody asked
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._keep_alive = False
            cause = error.__context__
            self._fail(cause if isinstance(cause, _BadAnswerError) else _BadAnswerError(str(error)))

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > 64 * 1024:
            raise _BadAnswerError("headers of the answer are too large")
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._max_body:
            raise _BadAnswerError(f"answer of more than {self._max_body} octets")
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() == 100:
            self._reason = b""
            self._headers.clear()
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._finish()

    def _framed(self) -> bool:
        return any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def _finish(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(
                Answer(
                    self._parser.get_status_code(),
                    self._reason.decode("utf-8", "replace"),
                    tuple(self._headers),
                    b"".join(self._body),
                )
            )

    def _fail(self, error: Exception) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)
