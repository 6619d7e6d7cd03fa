"""The MIME tree of a message (RFC 2045, RFC 2046), built on positions in its bytes."""

from __future__ import annotations

from collections.abc import Callable

from filter_engine.message.defect import Defect
from filter_engine.message.header import HeaderField, find_body, find_message, parse_header_block
from filter_engine.message.html_guard import TagBudget
from filter_engine.message.limits import MAX_DEPTH, MAX_PART_HEADERS, MAX_PARTS
from filter_engine.message.part import Part

_Note = Callable[[Defect], None]
_MAX_DELIMITER_LINE = 1000
_LF = 10
_CR = 13


class TreeBuilder:
    """Builds the parts of one message in preorder. Nothing is copied but encoded messages."""

    def __init__(self, note: _Note) -> None:
        self.parts: list[Part] = []
        self._note = note
        self._tags = TagBudget()

    def add(
        self,
        parent: Part | None,
        headers: tuple[HeaderField, ...],
        span: tuple[bytes, int, int],
        depth: int = 0,
        default_type: str = "text/plain",
    ) -> Part:
        """Add the part whose content is ``span`` (data, start, end), and all below it."""
        index = len(self.parts)
        part = Part(index, parent, headers, *span, default_type, self._note, self._tags)
        self.parts.append(part)
        if part.is_multipart or part.is_message:
            if depth >= MAX_DEPTH:
                self._note(Defect.TOO_DEEP)
            elif part.is_multipart:
                part.children = self._add_children(part, depth + 1)
            else:
                part.children = self._add_message(part, depth + 1)
        return part

    def _add_message(self, part: Part, depth: int) -> tuple[Part, ...]:
        data, start, end = part.data, part.start, part.end
        if part.cte not in ("7bit", "8bit"):
            # RFC 2046, section 5.2.1 forbids it, senders do it.
            data = part.content
            start, end = 0, len(data)
        if len(self.parts) >= MAX_PARTS:
            self._note(Defect.TOO_MANY_PARTS)
            return ()
        start, header_end, body = find_message(data, start, end)
        headers = parse_header_block(data[start:header_end], self._note, MAX_PART_HEADERS)
        return (self.add(part, headers, (data, body, end), depth),)

    def _add_children(self, part: Part, depth: int) -> tuple[Part, ...]:
        data, start, end = part.data, part.start, part.end
        boundary = part.boundary
        if not boundary:
            self._note(Defect.BOUNDARY_MISSING)
            boundary = _guess_boundary(data, start, end)
            if not boundary:
                return ()
        slices, closed = self._split(data, start, end, boundary)
        if not slices:
            self._note(Defect.BOUNDARY_NOT_FOUND)
            return ()
        if not closed:
            self._note(Defect.MULTIPART_NOT_CLOSED)
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        for first, last in slices:
            if len(self.parts) >= MAX_PARTS:
                self._note(Defect.TOO_MANY_PARTS)
                break
            header_end, body = _find_part_body(data, first, last)
            block = data[first:header_end]
            headers = parse_header_block(block, self._note, MAX_PART_HEADERS) if block else ()
            children.append(self.add(part, headers, (data, body, last), depth, default))
        return tuple(children)

    def _split(
        self, data: bytes, start: int, end: int, boundary: bytes
    ) -> tuple[list[tuple[int, int]], bool]:
        """Split by the boundary as declared, else case aside, else by what looks like one."""
        slices, closed = split_multipart(data, start, end, boundary)
        if not slices:
            lowered = data[start:end].lower()
            inside, closed = split_multipart(lowered, 0, end - start, boundary.lower())
            slices = [(first + start, last + start) for first, last in inside]
        if not slices and (guessed := _guess_boundary(data, start, end)):
            self._note(Defect.BOUNDARY_NOT_FOUND)
            slices, closed = split_multipart(data, start, end, guessed)
        return slices, closed


def split_multipart(
    data: bytes, start: int, end: int, boundary: bytes
) -> tuple[list[tuple[int, int]], bool]:
    """Where each part of a multipart begins and ends, and whether the closing line was there.

    The line break before a delimiter belongs to the delimiter (RFC 2046, section 5.1.1).
    """
    delimiter = b"--" + boundary
    slices: list[tuple[int, int]] = []
    part_start = -1
    position = data.find(delimiter, start, end)
    while position >= 0 and len(slices) <= MAX_PARTS:
        after = position + len(delimiter)
        if position == start or data[position - 1] == _LF:
            line_end = data.find(b"\n", after, after + _MAX_DELIMITER_LINE)
            if line_end < 0 or line_end > end:
                line_end = end
            rest = data[after : min(line_end, after + _MAX_DELIMITER_LINE)].strip()
            if not rest or rest == b"--":
                if part_start >= 0:
                    slices.append((part_start, _before_line_end(data, part_start, position)))
                if rest:
                    return slices, True
                after = part_start = min(line_end + 1, end)
        position = data.find(delimiter, after, end)
    if 0 <= part_start < end:
        slices.append((part_start, end))
    return slices, False


def _before_line_end(data: bytes, start: int, end: int) -> int:
    if end > start and data[end - 1] == _LF:
        end -= 1
    if end > start and data[end - 1] == _CR:
        end -= 1
    return end


def _find_part_body(data: bytes, start: int, end: int) -> tuple[int, int]:
    """End of the header and begin of the body; what begins with no field has no header."""
    header_end, body = find_body(data, start, end)
    if header_end == start:
        return start, body
    colon = data.find(b":", start, header_end)
    name = data[start:colon] if colon > start else b""
    words = name.split(None, 1)
    if len(words) != 1 or not name.startswith(words[0]):
        return start, start
    return header_end, body


def _guess_boundary(data: bytes, start: int, end: int) -> bytes:
    """The boundary of a multipart that does not name it: its first line that looks like one."""
    if not data.startswith(b"--", start, end):
        start = data.find(b"\n--", start, end) + 1
        if not start:
            return b""
    line_end = data.find(b"\n", start, end)
    line = data[start + 2 : end if line_end < 0 else line_end].strip()
    return line if line.strip(b"-") and len(line) <= 200 else b""
