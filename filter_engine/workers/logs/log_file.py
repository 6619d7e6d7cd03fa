"""A log file that all processes append to, and that may be rotated under them."""

from __future__ import annotations

import logging
import os
import time
from typing import Final

LOOK: Final = 1.0
"""Seconds between two looks at whether the file is still the one of that name."""
MODE: Final = 0o640


class LogFile(logging.Handler):
    """Writes each record with one write at the file's end. Raises OSError when it cannot open."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._descriptor = self._opened()
        self._look_again = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record (``logging.Handler``)."""
        try:
            now = time.monotonic()
            if now >= self._look_again:
                self._look_again = now + LOOK
                self._follow()
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            os.write(self._descriptor, line)
        except Exception:
            self.handleError(record)

    def reopen(self) -> None:
        """Open the file of that name anew; the old one goes on where that fails."""
        try:
            opened = self._opened()
        except OSError:
            return
        os.close(self._descriptor)
        self._descriptor = opened

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)

    def _follow(self) -> None:
        ours = os.fstat(self._descriptor)
        try:
            named = os.stat(self._path)
        except OSError:
            self.reopen()
            return
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            self.reopen()
