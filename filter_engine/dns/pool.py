"""The open sockets of a client, by name server, and what reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from filter_engine.config.upstreams import Upstream
from filter_engine.dns.sockets import Channel, open_channels


class SocketPool:
    """``count`` sockets to each server, opened when it is first asked; ``read`` takes replies."""

    def __init__(self, count: int, read: Callable[[Channel], None]) -> None:
        self._count = max(count, 1)
        self._read = read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: dict[Upstream, list[Channel]] = {}

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; call once in each worker after the fork."""
        self._loop = loop

    def to(self, server: Upstream) -> list[Channel]:
        """The sockets to a server. Raises OSError or ValueError when it cannot be reached."""
        return self._channels.get(server) or self._opened(server)

    def _opened(self, server: Upstream) -> list[Channel]:
        assert self._loop is not None
        channels = open_channels(server, self._count)
        for channel in channels:
            self._loop.add_reader(channel.socket.fileno(), self._read, channel)
        self._channels[server] = channels
        return channels

    def close(self) -> None:
        """Close every socket."""
        for channels in self._channels.values():
            for channel in channels:
                if self._loop is not None:
                    self._loop.remove_reader(channel.socket.fileno())
                channel.socket.close()
        self._channels.clear()
        self._loop = None
