"""What a worker process is to its surroundings, and what it may use."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from filter_engine.config.model import Config
from filter_engine.scanner import Scanner
from filter_engine.workers.statistics import Row, Statistics

HELD_MESSAGES = 8
"""Messages of the greatest size a process may hold at once; smaller ones accordingly more."""


@dataclass(frozen=True, slots=True)
class Context:
    """Given to every worker process by the supervisor."""

    config: Config
    scanner: Scanner
    """Opened for this process."""
    statistics: Statistics
    row: Row
    """This process's counters."""
    name: str
    """For people: ``proxy``, ``normal 2``."""


class Service(Protocol):
    """A worker's work. All methods are called within the process's event loop."""

    async def start(self, sockets: list[socket.socket]) -> None:
        """Begin to serve on listening sockets."""

    def drain(self, *, hurry: bool) -> None:
        """Accept nothing more, finish what is under way; may be called again with more hurry."""

    async def wait_drained(self, seconds: float) -> bool:
        """Wait for the end of everything; after ``seconds`` cut the rest off and return False."""


Factory: TypeAlias = Callable[[Context], Service]


class Listeners:
    """The asyncio servers on a worker's sockets."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []

    async def start(
        self, factory: Callable[[], asyncio.BaseProtocol], sockets: list[socket.socket]
    ) -> None:
        """Accept connections; the sockets stay open for the supervisor and its other processes."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            if sock.family == socket.AF_UNIX:
                server = await loop.create_unix_server(factory, sock=sock, backlog=1024)
            else:
                server = await loop.create_server(factory, sock=sock, backlog=1024)
            self._servers.append(server)

    def stop(self) -> None:
        """Accept nothing more; connections go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()
