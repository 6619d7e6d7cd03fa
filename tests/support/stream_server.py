"""A small server on a real socket: it reads what a test says, answers, and keeps what it got."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from support.ports import free_port

from filter_engine.config.upstreams import UpstreamList, parse_upstreams

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@asynccontextmanager
async def daemon(
    serve: Serve, path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[UpstreamList]:
    """Serve connections on a free port of the loopback address, or on a unix socket."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    if path is not None:
        server = await asyncio.start_unix_server(connected, path)
        servers = parse_upstreams(str(path), 0)
    else:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        servers = parse_upstreams(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", 0)
    try:
        yield servers
    finally:
        server.close()


def nobody() -> UpstreamList:
    """A server list with a port that nobody listens on."""
    return parse_upstreams(f"127.0.0.1:{free_port()}", 0)
