"""What a worker process is to its surroundings, and what it may use."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import field
from typing import Protocol, TypeAlias

from filter_engine.config.model import Config
from filter_engine.config.workers import TlsWorkerSection
from filter_engine.lazy_dataclass import frozen
from filter_engine.scanner import Scanner
from filter_engine.upstream.upstream_set import Standing
from filter_engine.workers.service_budget import ServiceBudget
from filter_engine.workers.statistics import Row, Statistics
from filter_engine.workers.symbol_hits import SymbolHits
from filter_engine.workers.tls import Handshakes, Tls, server_context

log = logging.getLogger(__name__)

ACCEPT_PAUSE = 1.0
"""Seconds without accepting after an error such as too many open files."""
SETTLE_TIME = 2.0
"""Seconds for handshakes that are under way when nothing more is accepted."""


@frozen
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
    config_id: str = ""
    """The name of the configuration it runs with (see ``config_id.py``)."""
    number: int = 0
    """This process's row."""
    hits: SymbolHits | None = None
    """How often each symbol was set; None where nobody counts."""
    secure: frozenset[int] = frozenset()
    """Descriptors of its listening sockets that speak TLS."""
    standings: list[Callable[[], list[Standing]]] = field(default_factory=list)
    """Say how the servers stand that this process asks; a service adds its own."""

    def budget(self) -> ServiceBudget:
        """This process's part of what all processes may hold; to be made once a process."""
        return ServiceBudget(self.config.options.max_message, self.statistics, self.row)

    def tls(self, config: TlsWorkerSection) -> Tls | None:
        """How this process greets clients with TLS; None where none of its sockets speaks it.

        Reads certificate and key. Raises ``BindError``.
        """
        if not self.secure:
            return None
        return Tls(Handshakes(server_context(config, self.name)), self.secure)


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
    """Accepts connections on a worker's sockets, which it shares with its sister processes.

    One connection is accepted for each time the event loop turns: so a burst spreads over all
    processes, where asyncio's own servers let the first that wakes take everything.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._handshakes: dict[socket.socket, Handshakes] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._greeting: set[asyncio.Task[None]] = set()
        """Those of them that are at a handshake."""
        self._stopped = False

    async def start(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        sockets: list[socket.socket],
        tls: Tls | None = None,
    ) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._sockets.append(sock)
            if tls is not None and sock.fileno() in tls.sockets:
                self._handshakes[sock] = tls.handshakes
            if sock.family != socket.AF_UNIX:  # what is accepted inherits it (Linux)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop.add_reader(sock, self._accept, loop, sock, factory)

    def stop(self) -> None:
        """Accept nothing more and close the sockets of this process; connections go on."""
        self._stopped = True
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()

    async def settle(self) -> None:
        """Wait until every connection that was accepted has its protocol, or is ended.

        A handshake that goes on for longer than ``SETTLE_TIME`` is: nothing was asked yet.
        """
        if self._greeting:
            await asyncio.wait(self._greeting, timeout=SETTLE_TIME)
        for task in self._greeting:
            task.cancel()
        while self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was quicker, or the client is gone
        except OSError as error:
            log.error("cannot accept connections for a while: %s", error.strerror)
            loop.remove_reader(listener)
            loop.call_later(ACCEPT_PAUSE, self._resume, loop, listener, factory)
            return
        sock.setblocking(False)
        handshakes = self._handshakes.get(listener)
        task = loop.create_task(self._connect(loop, sock, factory, handshakes))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        if handshakes is not None:
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _connect(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        handshakes: Handshakes | None,
    ) -> None:
        if handshakes is not None:
            try:
                await handshakes.connect(loop, factory, sock)
            except (OSError, asyncio.CancelledError):  # it was told there
                sock.close()
            return
        try:
            await loop.connect_accepted_socket(factory, sock)
        except OSError as error:
            log.info("a connection ended at once: %s", error)
            sock.close()

    def _resume(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        if not self._stopped:
            loop.add_reader(listener, self._accept, loop, listener, factory)
