"""Lines to systemd's journal with fields, over its own protocol.

Source: systemd's documentation "Native Journal Protocol": a datagram of ``NAME=value`` lines; a
value with a line end stands after ``NAME``, a line end and its length (64 bits, little-endian).
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final

from filter_engine.workers.logs.formats import (
    Process,
    TextFormat,
    module_of,
    priority_of,
    whole_text,
)
from filter_engine.workers.logs.message_line import fields_of
from filter_engine.workers.logs.printable import lines_of
from filter_engine.workers.logs.tag import log_tag

SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "filter-engine"
SCANNED: Final = "6f3c2e9a5b7d4c0e9d41f0b8a7e2c513"
"""MESSAGE_ID of the line about a message (``journalctl MESSAGE_ID=...``)."""
PATIENCE: Final = 0.1
"""Seconds to wait for a journal that is behind, before a line is lost and counted."""


def connected(path: str = SOCKET) -> socket.socket | None:
    """A socket to the journal; None where there is none."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        return None
    sock.setblocking(False)
    return sock


class JournalHandler(logging.Handler):
    """Sends each record as one entry. A line that cannot be sent goes to ``otherwise``."""

    _formatter = TextFormat(stamped=False, numbered=False)

    def __init__(self, sock: socket.socket, otherwise: logging.Handler, path: str = SOCKET) -> None:
        super().__init__()
        self._socket: socket.socket | None = sock
        self._otherwise = otherwise
        self._path = path
        self.lost = 0
        """Lines of this process that nobody took in time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record (``logging.Handler``)."""
        try:
            self._send(record, entry(self._fields(record)))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close both."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._otherwise.close()
        super().close()

    def _send(self, record: logging.LogRecord, octets: bytes) -> None:
        if self._socket is None:
            self._socket = connected(self._path)
        sock = self._socket
        if sock is None:
            self._otherwise.handle(record)
            return
        try:
            sock.send(octets)
            return
        except BlockingIOError:
            select.select((), (sock,), (), PATIENCE)
        except OSError:  # the journal was started anew, or the line is too long for it
            sock.close()
            self._socket = connected(self._path)
        try:
            if self._socket is not None:
                self._socket.send(octets)
                return
        except BlockingIOError:
            self.lost += 1
            return
        except OSError:
            pass
        self._otherwise.handle(record)

    def _fields(self, record: logging.LogRecord) -> Iterable[tuple[str, str]]:
        text = "\n".join(lines_of(whole_text(self._formatter, record)))
        yield "MESSAGE", self._formatter.head(record) + text
        yield "PRIORITY", str(priority_of(record))
        yield "SYSLOG_IDENTIFIER", IDENTIFIER
        yield "WORKER", Process.kind
        yield "MODULE", module_of(record)
        yield "CODE_FUNC", record.funcName or ""
        if tag := log_tag():
            yield "TASK_ID", tag
        if self.lost:
            yield "LOST_LINES", str(self.lost)
        scanned = getattr(record, "scanned", None)
        if scanned is not None:
            yield "MESSAGE_ID", SCANNED
            yield from _texts(fields_of(scanned))


def _texts(fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in fields.items():
        yield name, ",".join(value) if isinstance(value, list) else str(value)


def entry(fields: Iterable[tuple[str, str]]) -> bytes:
    """Fields as the journal reads them."""
    written: list[bytes] = []
    for name, text in fields:
        value = text.encode("utf-8", "backslashreplace")
        if b"\n" in value:
            written.append(b"%b\n%b%b\n" % (name.encode(), len(value).to_bytes(8, "little"), value))
        else:
            written.append(b"%b=%b\n" % (name.encode(), value))
    return b"".join(written)
