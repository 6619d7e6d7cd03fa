"""Telling systemd how the service fares (sd_notify(3)), over its socket and without its library."""

from __future__ import annotations

import os
import socket
import time


def notify(*assignments: str) -> bool:
    """Send ``NAME=value`` lines; False when systemd does not listen."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(address)
            sock.sendall("\n".join(assignments).encode())
        except OSError:
            return False  # the service works without
    return True


def ready(status: str) -> None:
    """Everything that is configured serves."""
    notify("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")


def reloading() -> None:
    """A reload begins; ``ready`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=reloading")


def stopping() -> None:
    """The service is going down."""
    notify("STOPPING=1", "STATUS=finishing what is under way")
