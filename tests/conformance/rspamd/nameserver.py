"""A nameserver on loopback that knows no name: what is not faked does not exist."""

from __future__ import annotations

import contextlib
import socket
import threading

_NXDOMAIN = 3


class Nameserver:
    """Answers every question over UDP with NXDOMAIN until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        with contextlib.suppress(OSError):  # Linux wakes the thread and then says "not connected"
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
            except OSError:
                return
            if len(query) > 12:
                self._socket.sendto(_reply(query), client)
            elif not query:
                return


def _reply(query: bytes) -> bytes:
    end = 12
    while end < len(query) and query[end]:
        end += query[end] + 1
    question = query[12 : end + 5]
    flags = bytes((0x81, 0x80 | _NXDOMAIN))
    return query[:2] + flags + b"\0\1\0\0\0\0\0\0" + question
