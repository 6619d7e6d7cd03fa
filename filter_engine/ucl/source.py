"""A text being read: positions, blanks, comments and errors that show the line."""

from __future__ import annotations

import re

from filter_engine.ucl.errors import UclError
from filter_engine.ucl.nodes import Origin

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_COMMENT_PART = re.compile(r'/\*|\*/|(?<!\\)"')
_SHOWN = 160


class Source:
    """Text with its file name. ``origin`` must be asked for in rising order to stay cheap."""

    __slots__ = ("_line", "_line_start", "_mark", "file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._line = 1
        self._line_start = 0
        self._mark = 0

    def origin(self, pos: int) -> Origin:
        """File, line and column of ``pos``."""
        if pos < self._mark:
            self._line, self._line_start, self._mark = 1, 0, 0
        newlines = self.text.count("\n", self._mark, pos)
        if newlines:
            self._line += newlines
            self._line_start = self.text.rfind("\n", 0, pos) + 1
        self._mark = pos
        return Origin(self.file, self._line, pos - self._line_start + 1)

    def error(self, pos: int, message: str, hint: str = "") -> UclError:
        """The error to raise for a fault at ``pos``."""
        origin = self.origin(min(pos, len(self.text)))
        start = self._line_start
        end = self.text.find("\n", start)
        line = self.text[start : len(self.text) if end < 0 else end]
        if len(line) > _SHOWN:
            line = line[:_SHOWN] + "..."
        line = line.rstrip("\r").replace("\t", " ").encode("utf-8", "replace").decode("utf-8")
        return UclError(message, origin.file, origin.line, origin.column, line, hint)

    def skip(self, pos: int) -> int:
        """The position after blanks, newlines and comments."""
        text = self.text
        while True:
            match = _BLANKS.match(text, pos)
            assert match is not None
            after = self.skip_comment(match.end())
            if after == match.end():
                return after
            pos = after

    def skip_comment(self, pos: int) -> int:
        """The position after one comment at ``pos``, or ``pos`` itself.

        ``#`` reaches to the end of the line; ``/* */`` nests, and what stands in double quotes in
        it does not end it.
        """
        text = self.text
        if text.startswith("#", pos):
            end = text.find("\n", pos)
            return len(text) if end < 0 else end + 1
        if not text.startswith("/*", pos):
            return pos
        depth, quoted, at = 1, False, pos + 2
        while depth:
            part = _COMMENT_PART.search(text, at)
            if part is None:
                raise self.error(pos, "the comment is not finished", "close it with */")
            at = part.end()
            if part[0] == '"':
                quoted = not quoted
            elif not quoted:
                depth += 1 if part[0] == "/*" else -1
        return at
