"""Who is who among the worker processes: each writes its card once, a controller reads them all."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator

import orjson

from filter_engine.lazy_dataclass import frozen
from filter_engine.workers.statistics import Counter, Statistics


@frozen
class Card:
    """One process, as it was when it began."""

    name: str
    """For people: ``normal 2``."""
    pid: int
    sockets: tuple[str, ...]
    """Where it listens: ``127.0.0.1:11333``, ``[::1]:11333``, or a path."""
    config_id: str
    before: int = 0
    """Messages that were counted in its row before it began."""

    @property
    def kind(self) -> str:
        """``proxy``, ``normal``, ``controller`` or ``fuzzy``."""
        return self.name.partition(" ")[0]


def write_card(
    statistics: Statistics,
    row: int,
    name: str,
    config_id: str,
    sockets: Iterable[socket.socket],
) -> None:
    """Say who this process is; what does not fit is left out."""
    card = {
        "name": name,
        "pid": os.getpid(),
        "sockets": [_name_of(sock) for sock in sockets],
        "config_id": config_id,
        "before": statistics.row(row).get(Counter.SCANNED),
    }
    if not statistics.cards.put(row, orjson.dumps(card)):
        statistics.cards.put(row, orjson.dumps(card | {"sockets": []}))


def cards(statistics: Statistics) -> Iterator[tuple[int, Card]]:
    """Row and card of each process that serves or finishes what is under way."""
    for number in statistics.in_use():
        try:
            said = orjson.loads(statistics.cards.get(number))
        except orjson.JSONDecodeError:  # read while it was written
            continue
        yield number, Card(**(said | {"sockets": tuple(said["sockets"])}))


def _name_of(sock: socket.socket) -> str:
    address = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        path = address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)
        return path.replace("\0", "@", 1)
    host, port = address[:2]
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"{written}/udp" if sock.type == socket.SOCK_DGRAM else written
