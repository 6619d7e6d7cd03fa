"""Ports of loopback for servers that tests start.

A port that the kernel picks (``bind`` to 0) may be a client's by the time that a server binds it,
and a client that connects to one that is free may meet itself. So these lie below those that the
kernel gives to clients, and each is handed out once: a process has blocks of its own, and holds
each by a name among the abstract unix sockets, which is free again when the process is gone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

_FIRST = 20_000
_BLOCKS = 200
_SIZE = 60
_held: list[socket.socket] = []


def free_port() -> int:
    """A port, TCP and UDP, that nobody listens on and that no other test gets."""
    return next(_PORTS)


def _own() -> Iterator[int]:
    start = os.getpid()
    for number in range(start, start + _BLOCKS):
        block = number % _BLOCKS
        if _hold(block):
            first = _FIRST + block * _SIZE
            yield from filter(_is_free, range(first, first + _SIZE))
    raise RuntimeError("the tests on this machine have taken all ports")


def _hold(block: int) -> bool:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind(f"\0mailfleet-tests-ports-{block}")
    except OSError:
        sock.close()
        return False
    _held.append(sock)
    return True


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


_PORTS = _own()
