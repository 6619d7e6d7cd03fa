"""The body of a request, with its bounds, and the request as the scan protocol reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager

from aiohttp import web

from filter_engine.wire.compression import CompressionError, TooLargeError, decompress
from filter_engine.wire.http.message import Request

MAX_JSON = 1024 * 1024
"""Octets of what is posted but mail and maps."""
AT_ONCE = 4
"""Messages that are worked on at once."""
WAITING = 16
"""Requests that are read, or wait for that."""
GRACE = 2.0
"""Seconds that a body may take while others find no place."""
TIMEOUT = "body timeout"
"""Where a request keeps how many seconds its body may take."""
_FILE_HEADERS = frozenset({"File", "Path", "Shm", "Shm-Offset", "Shm-Length"})


class BodyError(Exception):
    """A request that cannot be used."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Gate:
    """Lets a few requests in and some wait: messages are large.

    Bodies are read before: who sends slowly takes a place among those that wait, and none among
    those that are worked on. Nor does it keep others out: where all places are taken, the body
    that has been read for longest, and for more than ``GRACE`` seconds, makes place (408).
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._read = 0
        """Requests whose body is there, and which wait."""
        self._reading: dict[asyncio.Timeout, float] = {}
        """How the reading of a body is ended -> when it began, the oldest first."""

    @asynccontextmanager
    async def enter(self, reading: Awaitable[bytes]) -> AsyncIterator[bytes]:
        """Read a body, then wait for a place; raises ``BodyError``, 503 when too many do."""
        if self._read + len(self._reading) >= WAITING and not self._end_slowest():
            if isinstance(reading, Coroutine):
                reading.close()
            raise BodyError(503, "Too many messages at once")
        content = await self._content(reading)
        self._read += 1
        try:
            await self._free.acquire()
        finally:
            self._read -= 1
        try:
            yield content
        finally:
            self._free.release()

    async def _content(self, reading: Awaitable[bytes]) -> bytes:
        bound = asyncio.timeout(None)
        self._reading[bound] = asyncio.get_running_loop().time()
        try:
            async with bound:
                return await reading
        except TimeoutError:
            raise BodyError(408, "The body came too slowly, and others waited") from None
        finally:
            self._reading.pop(bound, None)

    def _end_slowest(self) -> bool:
        """Make place for another; False where every body is young or there already."""
        now = asyncio.get_running_loop().time()
        for bound, began in self._reading.items():
            if now - began <= GRACE:
                return False
            del self._reading[bound]
            bound.reschedule(now)
            return True
        return False


async def body_of(request: web.Request) -> bytes:
    """The body as it was sent; raises ``BodyError`` (408) when it does not come in time."""
    seconds: float = request[TIMEOUT]
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise BodyError(408, f"The body did not come within {seconds:g} s") from None
    except ConnectionError:  # nobody reads this
        raise BodyError(400, "The client went away") from None


async def small_body(request: web.Request, limit: int = MAX_JSON) -> bytes:
    """The body; raises ``BodyError`` (413) for one over ``limit`` octets."""
    if request.content_length is not None and request.content_length > limit:
        raise BodyError(413, f"More than {limit} bytes")
    content = await body_of(request)
    if len(content) > limit:
        raise BodyError(413, f"More than {limit} bytes")
    return content


async def message_of(request: web.Request, limit: int) -> bytes:
    """The message in the body, unpacked; raises ``BodyError``."""
    refuse_files(request)
    content = await body_of(request)
    if request.headers.get("Compression", "").strip().lower() == "zstd" and content:
        try:
            content = decompress(content, limit)
        except TooLargeError:
            raise BodyError(413, f"Message larger than {limit} bytes") from None
        except CompressionError as error:
            raise BodyError(400, str(error)) from None
    if not content:
        raise BodyError(400, "Empty body is not permitted")
    return content


def refuse_files(request: web.Request) -> None:
    """No request makes this host read a file; raises ``BodyError`` for one that tries."""
    if any(name in request.headers for name in _FILE_HEADERS):
        raise BodyError(400, "file and shm message sources are not allowed")


def headers_of(request: web.Request) -> tuple[tuple[bytes, bytes], ...]:
    """The headers as the scan protocol reads them."""
    return tuple((name.lower(), value) for name, value in request.raw_headers)


def scan_request(request: web.Request, body: bytes, peer: str | None) -> Request:
    """The request as a scan worker would get it."""
    return Request(
        request.method, request.path, request.query_string, headers_of(request), body, peer
    )
