"""When a reply is whole: bytes come in, the end is found. No I/O."""

from __future__ import annotations

import re

from filter_engine.scan.exchange import Exchange, Step, Until


class Reading:
    """The reply to one exchange, or the answer to one step of its dialogue."""

    def __init__(self, wanted: Exchange | Step, limit: int) -> None:
        if isinstance(wanted, Step):
            self._until, pattern, self._size = Until.LINE, wanted.line, 0
        else:
            self._until, pattern, self._size = wanted.until, wanted.pattern, wanted.size
        self._pattern = re.compile(pattern)
        self._limit = limit
        self._looked_at = 0
        self.data = b""
        """What was received, up to the end once that is known."""
        self.rest = b""
        """What came behind the end."""
        self.last_line = b""
        """The line that ended it, for ``LINE``."""

    @property
    def too_large(self) -> bool:
        """More came than is allowed."""
        return len(self.data) > self._limit

    def feed(self, data: bytes) -> bool:
        """Take more bytes; True when the reply is whole."""
        self.data += data
        end = self._end()
        if end is None:
            return False
        cut, after = end
        self.data, self.rest = self.data[:cut], self.data[after:]
        return True

    def closed(self) -> bool:
        """The server has closed; True when the reply is whole by that."""
        if self._until is Until.LINE and self.data and self._looked_at < len(self.data):
            self.last_line = self.data[self._looked_at :]  # a last line without its end
            return self._pattern.match(self.last_line) is not None
        return self._until is Until.EOF

    def _end(self) -> tuple[int, int] | None:
        """Where the reply ends, and where begins what is behind it."""
        if self._until is Until.SIZE:
            return (self._size, self._size) if len(self.data) >= self._size else None
        if self._until is Until.NUL:
            at = self.data.find(b"\0", self._looked_at)
            self._looked_at = len(self.data)
            return None if at < 0 else (at, at + 1)
        if self._until is Until.DATAGRAM:
            return len(self.data), len(self.data)
        while self._until is Until.LINE:
            at = self.data.find(b"\n", self._looked_at)
            if at < 0:
                break
            line = self.data[self._looked_at : at].rstrip(b"\r")
            self._looked_at = at + 1
            if self._pattern.match(line):
                self.last_line = line
                return at + 1, at + 1
        return None
