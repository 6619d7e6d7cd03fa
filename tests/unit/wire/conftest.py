from __future__ import annotations

import socket

import pytest


@pytest.fixture
def unused_tcp_port_number() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        number: int = sock.getsockname()[1]
        return number
