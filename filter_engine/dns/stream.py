"""One DNS question over TCP, for replies that do not fit a datagram (RFC 7766)."""

from __future__ import annotations

import asyncio

PATIENCE = 3.0
"""Seconds for connecting, asking and the reply, at least."""


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
