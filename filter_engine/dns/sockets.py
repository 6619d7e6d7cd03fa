"""UDP sockets shared by all questions of a worker, each connected to one name server.

A connected socket takes datagrams from that server only, and tells at once when nobody listens.
Ports are the kernel's random ones, ids are random, and both must fit (RFC 5452).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

from filter_engine.config.upstreams import Upstream

if TYPE_CHECKING:
    from filter_engine.dns.flight import Flight

RECEIVE_BUFFER = 1 << 20
"""Bytes asked of the kernel for replies that wait; it may give less."""


class Channel:
    """One connected socket with the questions it has open."""

    __slots__ = ("expected", "server", "socket")

    def __init__(self, sock: socket.socket, server: Upstream) -> None:
        self.socket = sock
        self.server = server
        self.expected: dict[bytes, Flight] = {}
        """By the two octets of id."""


def open_channels(server: Upstream, count: int) -> list[Channel]:
    """``count`` sockets connected to a server; raises OSError when it cannot be reached at all."""
    family = socket.AF_INET6 if ip_address(server.host).version == 6 else socket.AF_INET
    channels: list[Channel] = []
    try:
        for _ in range(count):
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            channels.append(Channel(sock, server))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.connect((server.host, server.port))
    except OSError:
        for channel in channels:
            channel.socket.close()
        raise
    return channels


def random_ids() -> Iterator[bytes]:
    """Endless ids of two octets from the kernel's random numbers, fetched many at a time."""
    while True:
        pool = os.urandom(1024)
        for at in range(0, 1024, 2):
            yield pool[at : at + 2]
