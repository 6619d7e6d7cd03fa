"""A clamd that finds a virus in whatever it is handed, for what a suite scans before a case."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_END = bytes(4)


@contextmanager
def finding_clamd(port: int) -> Iterator[None]:
    """Answer INSTREAM on a port of loopback."""
    with socket.create_server(("127.0.0.1", port)) as server:
        thread = threading.Thread(target=_serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(10)
                said = b""
                while not said.endswith(_END) and (some := connection.recv(65536)):
                    said += some
                connection.sendall(b"stream: Eicar-Test-Signature FOUND\0")
