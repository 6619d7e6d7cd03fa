"""DNS questions over TCP, for replies that do not fit a datagram (RFC 7766)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from filter_engine.config.upstreams import Upstream

PATIENCE = 3.0
"""Seconds for connecting, asking and the reply, at least."""


class TcpQueries:
    """Queries of one client, a connection each."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in this loop."""
        self._loop = loop

    def close(self) -> None:
        """End what is under way; nobody is told."""
        for task in tuple(self._tasks):
            task.cancel()

    def ask(
        self, server: Upstream, query: bytes, patience: float, done: Callable[[bytes, str], None]
    ) -> None:
        """Call ``done`` with the reply, or with nothing and what went wrong; ``patience`` is in
        seconds, for all of it."""
        assert self._loop is not None
        task = self._loop.create_task(_ask(server, query, patience, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ask(
    server: Upstream, query: bytes, patience: float, done: Callable[[bytes, str], None]
) -> None:
    try:
        async with asyncio.timeout(patience):
            data = await ask_over_tcp(server.host, server.port, query)
    except (OSError, EOFError, TimeoutError) as error:
        done(b"", f"no reply over TCP: {error or type(error).__name__}")
    else:
        done(data, "")


async def ask_over_tcp(host: str, port: int, query: bytes) -> bytes:
    """Send a query and return the reply's bytes without their length prefix.

    Raises OSError or EOFError (``IncompleteReadError``); the caller bounds the time.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    finally:
        writer.close()
