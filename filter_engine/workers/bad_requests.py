"""The log lines about requests that are no HTTP: anybody can send them, as many as they like."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError

LINES = 10
"""Lines within ``PERIOD``."""
PERIOD = 60.0
"""Seconds."""
_LENGTH = 200
"""Characters of what the parser says of a request."""
_QUOTES = re.compile(r"""[:,]?\s*b?['"].*|:\s.*""", re.DOTALL)
"""Where the parser begins to quote the request: a header's value may be a password."""


class BadRequests(logging.Filter):
    """Makes a warning of one line of a client's mistake, and drops it when there are too many.

    The line has nothing of the request itself. What is not a client's mistake passes as it is,
    with its traceback.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since = float("-inf")
        self._lines = 0
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record, which may be changed (``logging.Filter``)."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        now = self._clock()
        if now - self._since >= PERIOD:
            self._since, self._lines = now, 0
        if self._lines >= LINES:
            self._dropped += 1
            return False
        self._lines += 1
        said = " ".join(_QUOTES.sub("", str(error.message)).split())[:_LENGTH]
        left_out = f" ({self._dropped} such lines left out before)" if self._dropped else ""
        self._dropped = 0
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg = f"{record.getMessage()}: {error.code} {said!a}{left_out}"
        record.args = None
        record.exc_info = record.exc_text = None
        return True
