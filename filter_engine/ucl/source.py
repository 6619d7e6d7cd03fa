"""A text being read: positions, blanks, comments and errors that show the line."""

from __future__ import annotations

import re
from bisect import bisect_right

from filter_engine.ucl.errors import UclError
from filter_engine.ucl.masking import CONTEXT, MASK, mask
from filter_engine.ucl.nodes import Origin

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_COMMENT_PART = re.compile(r'/\*|\*/|(?<!\\)"')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
#: Characters of a long line that an error shows, and how many of them stand before the fault.
_SHOWN = 160
_BEFORE = 100


class PositionMap:
    """Where the characters of a rendered template come from in the file as written."""

    __slots__ = ("_from", "_literal", "_newlines", "_to", "text")

    def __init__(self, text: str) -> None:
        #: The file as written.
        self.text = text
        self._from: list[int] = []
        self._to: list[int] = []
        self._literal: list[bool] = []
        self._newlines: list[int] | None = None

    def add(self, start: int, origin: int, *, literal: bool) -> None:
        """From ``start`` of the result on comes what stands at ``origin``.

        ``literal``: character by character; else all of it from that one place.
        """
        self._from.append(start)
        self._to.append(origin)
        self._literal.append(literal)

    def original(self, pos: int) -> int:
        """The position in the file as written."""
        at = bisect_right(self._from, pos) - 1
        if at < 0:
            return 0
        origin = self._to[at]
        return min(origin + pos - self._from[at], len(self.text)) if self._literal[at] else origin

    def line(self, pos: int) -> tuple[int, int]:
        """The line of a position in the file as written, and where that line begins."""
        if self._newlines is None:
            self._newlines = [match.start() for match in re.finditer("\n", self.text)]
        number = bisect_right(self._newlines, pos - 1)
        return number + 1, self._newlines[number - 1] + 1 if number else 0


class Source:
    """Text with its file name. ``origin`` must be asked for in rising order to stay cheap.

    ``positions`` tells where a rendered template's text comes from; all places are those of the
    file as written.
    """

    __slots__ = ("_line", "_line_start", "_mark", "_part_of", "_positions", "file", "text")

    def __init__(self, text: str, file: str, positions: PositionMap | None = None) -> None:
        self.text = text
        self.file = file
        self._positions = positions
        self._part_of: tuple[Source, int] | None = None
        self._line = 1
        self._line_start = 0
        self._mark = 0

    def part(self, start: int, end: int) -> Source:
        """The text between two positions as a source of its own, its places those of this one."""
        inner = Source(self.text[start:end], self.file)
        inner._part_of = (self, start)
        return inner

    def origin(self, pos: int) -> Origin:
        """File, line and column of ``pos``."""
        if self._part_of is not None:
            outer, start = self._part_of
            return outer.origin(start + pos)
        if self._positions is not None:
            pos = self._positions.original(pos)
            line, start = self._positions.line(pos)
            return Origin(self.file, line, pos - start + 1)
        if pos < self._mark:
            self._line, self._line_start, self._mark = 1, 0, 0
        newlines = self.text.count("\n", self._mark, pos)
        if newlines:
            self._line += newlines
            self._line_start = self.text.rfind("\n", 0, pos) + 1
        self._mark = pos
        return Origin(self.file, self._line, pos - self._line_start + 1)

    def error(self, pos: int, message: str, hint: str = "") -> UclError:
        """The error to raise for a fault at ``pos``; a secret in its line is not shown."""
        if self._part_of is not None:
            outer, start = self._part_of
            return outer.error(start + pos, message, hint)
        origin = self.origin(min(pos, len(self.text)))
        written = self.text
        if self._positions is not None:
            written = self._positions.text
            pos = self._positions.original(min(pos, len(self.text)))
        line, caret = _shown_line(written, min(pos, len(written)))
        return UclError(message, origin.file, origin.line, origin.column, line, hint, caret)

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


def _shown_line(text: str, pos: int) -> tuple[str, int]:
    """The line around ``pos`` as an error may show it, and the column of ``pos`` in that."""
    line_start = text.rfind("\n", 0, pos) + 1
    line_end = text.find("\n", pos)
    line_end = len(text) if line_end < 0 else line_end
    start = max(line_start, pos - _BEFORE) if pos - line_start >= _SHOWN else line_start
    end = min(line_end, start + _SHOWN)
    looked = max(line_start, start - CONTEXT)  # a secret may begin before what is shown
    masked = mask(text[looked:end], text[max(0, looked - CONTEXT) : looked])
    line = masked[start - looked :] if masked == text[looked:end] else masked[-_SHOWN:]
    hidden = masked != text[looked:end]
    caret = pos - start + 1
    if hidden:
        caret = min(pos - looked + 1 - max(0, len(masked) - _SHOWN), len(line) - len(MASK) + 1)
    if start > line_start:
        line, caret = f"...{line}", caret + 3
    if end < line_end and not hidden:
        line += "..."
    # Nothing a terminal would obey; undecodable bytes as "?".
    line = _CONTROL.sub("?", line.rstrip("\r").replace("\t", " "))
    return line.encode("utf-8", "replace").decode("utf-8"), caret
