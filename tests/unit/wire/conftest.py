from __future__ import annotations

import pytest
from support.ports import free_port


@pytest.fixture
def unused_tcp_port_number() -> int:
    """A loopback port nobody listens on now."""
    return free_port()
