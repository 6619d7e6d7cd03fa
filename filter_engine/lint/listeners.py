"""The workers' sections and sockets, each socket with the line that names it.

A bound worker knows only where the last ``bind_socket`` stands; findings about sockets need each.
"""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.model import Config
from filter_engine.config.sockets import BindSocket, parse_bind_socket
from filter_engine.config.workers import (
    CONTROLLER_PORT,
    FUZZY_PORT,
    NORMAL_PORT,
    PROXY_PORT,
    WORKER_TYPES,
    FuzzyConfig,
    WorkerConfig,
)
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import NOWHERE, Origin, UclNode, UclObject, UclScalar

#: Standard port -> the worker kind it belongs to.
PORTS = {
    PROXY_PORT: "rspamd_proxy",
    NORMAL_PORT: "normal",
    CONTROLLER_PORT: "controller",
    FUZZY_PORT: "fuzzy",
}
STANDARD_PORT = {kind: port for port, kind in PORTS.items()}


@frozen
class WorkerSection:
    """A bound worker and the section it was read from."""

    worker: WorkerConfig
    section: UclObject

    @property
    def is_udp(self) -> bool:
        """Whether it listens on UDP."""
        return isinstance(self.worker, FuzzyConfig)


@frozen
class Listener:
    """One socket of a worker that is to run; ``origin`` is built in for a default one."""

    worker: WorkerConfig
    socket: BindSocket
    origin: Origin

    @property
    def is_udp(self) -> bool:
        """Whether the worker listens on UDP."""
        return isinstance(self.worker, FuzzyConfig)


def worker_sections(config: Config) -> tuple[WorkerSection, ...]:
    """The workers of ``config`` with their sections, in order of writing."""
    sections = list(_sections(config.tree))
    if len(sections) != len(config.workers):  # a tree that was not read but made
        return tuple(WorkerSection(worker, UclObject()) for worker in config.workers)
    return tuple(map(WorkerSection, config.workers, sections))


def _sections(root: UclObject) -> Iterator[UclObject]:
    for node in root.values("worker"):
        if not isinstance(node, UclObject):
            continue
        kind = node.get("type")
        if isinstance(kind, UclScalar):
            named: list[tuple[str, list[UclNode]]] = [(str(kind.value), [node])]
        else:
            named = list(node.entries.items())
        for name, values in named:
            if name in WORKER_TYPES:
                yield from (value for value in values if isinstance(value, UclObject))


def listeners(workers: tuple[WorkerSection, ...]) -> tuple[Listener, ...]:
    """Every socket of the workers that are to run, in order of writing."""
    found: list[Listener] = []
    for placed in workers:
        worker = placed.worker
        if not worker.active:
            continue
        written = placed.section.values("bind_socket")
        if not written:
            found.extend(Listener(worker, bind, NOWHERE) for bind in worker.bind_socket)
        for node in written:
            if isinstance(node, UclScalar):
                found.extend(
                    Listener(worker, bind, node.origin) for bind in _parsed(node, worker.kind)
                )
    return tuple(found)


def _parsed(node: UclScalar, kind: str) -> tuple[BindSocket, ...]:
    try:
        text = node.value if isinstance(node.value, str) else node.text
        return parse_bind_socket(text, STANDARD_PORT[kind])
    except ValueError:
        return ()  # the loader refuses it
