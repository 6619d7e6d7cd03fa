"""The connections of one worker: the next server on failure, bounds on everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.dns.addresses import Asked, look_up
from filter_engine.lazy_dataclass import mutable
from filter_engine.scan.exchange import FILE, Exchange, ExchangeStatus, Reply, Step, Tls, Until
from filter_engine.streams.reading import Reading
from filter_engine.upstream.upstream_set import Health, Standing, UpstreamSet

if TYPE_CHECKING:
    import ssl

MAX_OPEN: Final = 1000
"""Exchanges at a time; what goes beyond fails at once."""
_MAX_LISTS: Final = 256
"""Lists of servers whose health is remembered."""
_MAX_SERVICES: Final = 64
"""Lists of the configuration whose health is shown."""
_CHUNK: Final = 65536
_IN_TIME: Final = 0.98
"""Share of a try's time after which what is missing of several datagrams is waited for no more."""
_Key = tuple[UpstreamList, Health]
"""What health is remembered by: rules with limits of their own count errors of their own."""
_LOCALHOST: Final = ("127.0.0.1", "::1")


@mutable
class StreamStatistics:
    """Counters since ``open``."""

    exchanges: int = 0
    connections: int = 0
    failed: int = 0


class _FailedError(Exception):
    def __init__(self, status: ExchangeStatus, detail: str, data: bytes = b"") -> None:
        super().__init__(detail)
        self.status = status
        self.data = data


class StreamClient:
    """Carries exchanges out; host names go to ``resolver``. Opened in each worker."""

    def __init__(self, resolver: Asked, health: Health | None = None) -> None:
        self._resolver = resolver
        self._health = health or Health()
        """Of servers whose exchanges name no other."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._upstreams: OrderedDict[_Key, UpstreamSet] = OrderedDict()
        self._services: dict[_Key, str] = {}
        """The lists that the configuration names: their health is shown."""
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self.statistics = StreamStatistics()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin."""
        self._loop = loop

    def close(self) -> None:
        """End; what is open fails."""
        self._loop = None
        for task in tuple(self._tasks):
            task.cancel()

    def standings(self) -> list[Standing]:
        """How the servers of the configuration's services stand, of those that were asked."""
        now = 0.0 if self._loop is None else self._loop.time()
        return [
            standing
            for key, service in self._services.items()
            if (known := self._upstreams.get(key)) is not None
            for standing in known.standings(service, now)
        ]

    def exchange(self, question: Exchange, done: Callable[[Reply], None], /) -> None:
        """Carry ``question`` out; ``done`` is called once, and nothing raises."""
        self.statistics.exchanges += 1
        if self._loop is None or len(self._tasks) >= MAX_OPEN:
            self.statistics.failed += 1
            detail = "the client is closed" if self._loop is None else "too many connections"
            done(Reply(question, ExchangeStatus.UNKNOWN, detail=detail))
            return
        task = self._loop.create_task(self._run(question, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, question: Exchange, done: Callable[[Reply], None]) -> None:
        reply = Reply(question, ExchangeStatus.UNKNOWN, detail="the client was closed")
        try:
            reply = await self._tried(question)
        finally:
            self.statistics.failed += not reply.ok
            done(reply)

    async def _tried(self, question: Exchange) -> Reply:
        """The first whole reply of the servers that are tried, or the last failure."""
        loop = asyncio.get_running_loop()
        key = question.servers, question.health or self._health
        upstreams = self._set_of(key)
        if question.service and len(self._services) < _MAX_SERVICES:
            self._services[key] = question.service
        tried: set[Upstream] = set()
        reply = Reply(question, ExchangeStatus.UNKNOWN, detail="no server")
        for _ in range(max(question.tries, 1)):
            if len(tried) == len(upstreams):
                tried.clear()
            server = upstreams.choose(loop.time(), tried=tried)
            if server is None:
                break
            tried.add(server)
            try:
                async with asyncio.timeout(question.timeout):
                    data = await self._once(question, server)
            except TimeoutError:
                status, detail, data = ExchangeStatus.TIMEOUT, "no reply in time", b""
            except _FailedError as error:
                status, detail, data = error.status, str(error), error.data
            except (OSError, ValueError) as error:
                status, data = ExchangeStatus.REFUSED, b""
                detail = _said_by(error)
            else:
                upstreams.succeeded(server)
                return Reply(question, ExchangeStatus.OK, data, server.name)
            upstreams.failed(server, loop.time())
            reply = Reply(question, status, data[: question.limit], server.name, detail)
        return reply

    def _set_of(self, key: _Key) -> UpstreamSet:
        found = self._upstreams.get(key)
        if found is None:
            found = self._upstreams[key] = UpstreamSet(*key)
            if len(self._upstreams) > _MAX_LISTS:
                self._upstreams.popitem(last=False)
        else:
            self._upstreams.move_to_end(key)
        return found

    async def _once(self, question: Exchange, server: Upstream) -> bytes:
        addresses = await self._addresses(server)
        with _file(question) as send:
            self.statistics.connections += 1
            if question.until is Until.DATAGRAM:
                return await _datagram(send, addresses[0], server.port, question.limit)
            if question.until is Until.DATAGRAMS:
                return await _datagrams(question, addresses[0], server.port)
            limit = question.connect_timeout or None
            security = self._security(question.tls, server)
            async with _connected(addresses, server.port, limit, security) as (reader, writer):
                return await _dialogue(question, send, reader, writer)

    def _security(self, tls: Tls, server: Upstream) -> dict[str, Any]:
        """What to tell asyncio of TLS; nothing where it is not asked for."""
        if tls is Tls.NONE:
            return {}
        context = self._contexts.get(tls)
        if context is None:  # reads the trusted certificates: dear, and few sites need them
            import ssl

            context = ssl.create_default_context()
            if tls is Tls.UNVERIFIED:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[tls] = context
        name = "localhost" if server.is_unix else server.host
        return {"ssl": context, "server_hostname": name}

    async def _addresses(self, server: Upstream) -> Sequence[str]:
        if server.is_unix:
            return (server.host,)
        if server.srv:
            raise _FailedError(ExchangeStatus.UNKNOWN, "SRV records are not looked up here")
        if server.host.lower() == "localhost":
            return _LOCALHOST
        try:
            return (str(ip_address(server.host)),)
        except ValueError:
            pass
        found: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()

        def take(addresses: Sequence[str]) -> None:
            if not found.done():
                found.set_result(addresses)

        look_up(self._resolver, server.host, take)
        addresses = await found
        if not addresses:
            raise _FailedError(ExchangeStatus.UNKNOWN, f"{server.host} has no address")
        return addresses


def _said_by(error: OSError | ValueError) -> str:
    """What failed, in words; an error of TLS has a number that is none of the system's."""
    tls = getattr(error, "verify_message", "") or getattr(error, "reason", "")
    if tls:
        return f"TLS: {tls}"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or type(error).__name__


@contextlib.contextmanager
def _file(question: Exchange) -> Iterator[bytes]:
    """What to send, with ``content`` in a file for the time being."""
    if not question.content:
        yield question.send
        return
    import tempfile  # few sites hand files over

    handle, path = tempfile.mkstemp(prefix="filter-engine-", dir=question.directory)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o640)  # the scanner is of the directory's group
            file.write(question.content)
        yield question.send.replace(FILE, os.fsencode(path))
    finally:
        Path(path).unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _connected(
    addresses: Sequence[str], port: int, seconds: float | None, security: dict[str, Any]
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the first address that takes one."""
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            reader, writer = await _connection(addresses, port, security)
    except TimeoutError:
        if timeout.expired():
            raise _FailedError(ExchangeStatus.UNREACHABLE, "no connection in time") from None
        raise
    try:
        yield reader, writer
    except BaseException:
        writer.transport.abort()
        raise
    writer.close()  # what was written last still leaves


async def _connection(
    addresses: Sequence[str], port: int, security: dict[str, Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    problem: OSError | None = None
    for address in addresses:
        try:
            if address.startswith("/"):
                return await asyncio.open_unix_connection(address, **security)
            return await asyncio.open_connection(address, port, **security)
        except OSError as error:
            problem = error
    raise problem or OSError("no address")


async def _dialogue(
    question: Exchange, send: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    rest = b""
    for step in question.steps:
        writer.write(step.send)
        answer = await _read(step, question.limit, reader, rest)
        _check(step.wanted, answer)
        rest = answer.rest
    if send:
        writer.write(send)
        with contextlib.suppress(ConnectionError):  # it may have said why before it closed
            await writer.drain()
    if question.half_close and writer.can_write_eof():
        with contextlib.suppress(OSError):
            writer.write_eof()
    answer = await _read(question, question.limit, reader, rest)
    if question.farewell:
        writer.write(question.farewell)
    if question.wanted:
        _check(question.wanted, answer)
    return answer.data


def _check(wanted: bytes, answer: Reading) -> None:
    """Raise unless the line that ended an answer is as wanted."""
    if not re.match(wanted, answer.last_line):
        line = answer.last_line[:200].decode("ascii", "backslashreplace")
        raise _FailedError(ExchangeStatus.UNEXPECTED, f"answered {line!r}", answer.data)


async def _read(
    wanted: Exchange | Step, limit: int, reader: asyncio.StreamReader, rest: bytes
) -> Reading:
    reading = Reading(wanted, limit)
    whole = reading.feed(rest)
    while not whole:
        try:
            data = await reader.read(_CHUNK)
        except ConnectionError:
            data = b""
        whole = reading.feed(data) if data else reading.closed()
        if reading.too_large:
            raise _FailedError(ExchangeStatus.TOO_LARGE, f"more than {limit} bytes", reading.data)
        if not data and not whole:
            raise _FailedError(
                ExchangeStatus.CLOSED, "closed before the reply was whole", reading.data
            )
    return reading


async def _datagram(send: bytes, address: str, port: int, limit: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect((address, port))
        await loop.sock_sendall(sock, send)
        return await loop.sock_recv(sock, limit)


async def _datagrams(question: Exchange, address: str, port: int) -> bytes:
    """Several questions over one socket. What came is told also when some answer is missing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    loop = asyncio.get_running_loop()
    found = b""
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect((address, port))
        for send in (question.send, *question.more):
            await loop.sock_sendall(sock, send)
        try:
            async with asyncio.timeout(question.timeout * _IN_TIME):
                while len(found) < question.size:
                    found += await loop.sock_recv(sock, question.limit)
                    if len(found) > question.limit:
                        raise _FailedError(ExchangeStatus.TOO_LARGE, "more than was asked for")
        except TimeoutError:
            if found:
                raise _FailedError(
                    ExchangeStatus.TIMEOUT, "some answers did not come in time", found
                ) from None
            raise
    return found
