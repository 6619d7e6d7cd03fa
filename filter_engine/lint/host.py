"""What rules may ask of the machine: its addresses and the files of its other mail software."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MAX_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Host:
    """A host below ``root`` (``/``: this machine; a directory: a picture of one, for tests)."""

    root: Path = Path("/")

    def text(self, path: str) -> str | None:
        """The content of a file below the root, None where there is none that can be read."""
        try:
            with (self.root / path.lstrip("/")).open(encoding="utf-8", errors="replace") as file:
                return file.read(_MAX_FILE)
        except OSError:
            return None

    def has_address(self, address: str) -> bool:
        """Whether an IP address is this machine's: whether a socket can be bound to it."""
        return _can_bind(address)


@cache
def _can_bind(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
