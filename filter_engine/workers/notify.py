"""Telling systemd how the service fares (sd_notify(3)), over its socket and without its library.

Nothing here waits: a socket that is full because systemd is busy must not hold up the supervisor.
What was not taken is kept and sent by ``flush``. Only the last message is kept, for each says how
the service stands by then: ready again makes "reloading" void, stopping makes "ready" void.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Final

RETRY: Final = 0.1
"""Seconds after which ``flush`` is to be called while ``is_waiting``."""

_waiting: list[bytes] = []
"""The message that was not taken yet, if any."""


def notify(*assignments: str) -> bool:
    """Send ``NAME=value`` lines, now or by ``flush``; False when systemd does not listen."""
    _waiting[:] = ["\n".join(assignments).encode()]
    return flush()


def flush() -> bool:
    """Send what was not taken; False when nobody listens, who then misses nothing."""
    if not _waiting:
        return True
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        _waiting.clear()
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    flags = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_UNIX, flags) as sock:
        try:
            sock.sendto(_waiting[0], address)
        except BlockingIOError:
            return True  # kept
        except OSError:
            _waiting.clear()
            return False  # the service works without
    _waiting.clear()
    return True


def is_waiting() -> bool:
    """Whether something was not taken yet."""
    return bool(_waiting)


def ready(status: str) -> None:
    """Everything that is configured serves."""
    notify("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")


def reloading() -> None:
    """A reload begins; ``ready`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=reloading")


def stopping() -> None:
    """The service is going down."""
    notify("STOPPING=1", "STATUS=finishing what is under way")
