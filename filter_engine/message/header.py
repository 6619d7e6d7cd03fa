"""Header fields and how a header block falls into them (RFC 5322, section 2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Final

from filter_engine.message.charset import decode_header_bytes
from filter_engine.message.defect import Defect
from filter_engine.message.encoded_word import decode_line, unfold
from filter_engine.message.limits import (
    MAX_HEADER_BLOCK,
    MAX_HEADER_SIZE,
    MAX_HEADERS,
    MAX_LATE_FIELDS,
    MAX_LATE_VALUE,
    MAX_VALUE,
)

_MAX_KEPT_NAME: Final = 40
"""Octets of a name, as written, that is kept."""
_NAME_BYTES = bytes(range(33, 58)) + bytes(range(59, 127))
_BEFORE_MESSAGE = b" \t\r\n\v\f"
_MBOX_LINE: Final = re.compile(rb"From (?![ \t]*:)")
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_NEXT_FIELD: Final = re.compile(rb"\n(?![ \t])")
# Each kind is looked for by itself, so that none of them can hide another behind its number.
_LATE_KINDS: Final = tuple(
    re.compile(rb"\n(" + names + rb")[ \t]*:", re.IGNORECASE)
    for names in (
        rb"content-type",
        rb"content-transfer-encoding",
        rb"content-disposition",
        rb"from",
        rb"subject",
        rb"to|cc|bcc|reply-to|sender|date|message-id|mime-version|content-id|dkim-signature",
    )
)


class HeaderField:
    """One header field, read-only."""

    __slots__ = ("_unfolded", "_value", "index", "key", "name", "raw")

    def __init__(self, name: str, raw: bytes, index: int, key: str | None = None) -> None:
        self.name = name
        """As written, without the colon."""
        self.key = name.lower() if key is None else key
        """The name in lower case: a field is asked for its name ten times."""
        self.raw = raw
        """Everything after the colon with blanks and folds, without the final line end."""
        self.index = index
        """Position in the header block, from 0."""
        self._value: str | None = None
        self._unfolded: bytes | None = None

    @property
    def value(self) -> str:
        """Unfolded, encoded words (RFC 2047) decoded, ends stripped."""
        value = self._value
        if value is None:
            line = self.unfolded
            # Nearly all have no encoded words.
            value = decode_line(line) if b"=?" in line else decode_header_bytes(line)
            self._value = value
        return value

    @property
    def unfolded(self) -> bytes:
        """On one line, ends stripped, nothing decoded."""
        line = self._unfolded
        if line is None:
            line = self._unfolded = unfold(self.raw)
        return line

    def __repr__(self) -> str:
        return f"HeaderField({self.name!r}, {self.raw!r}, {self.index})"


def find_message(data: bytes, start: int, end: int) -> tuple[int, int, int]:
    """Begin and end of the header, and begin of the body, of the message in ``data[start:end]``.

    Blank lines and an mbox ``From `` line before the first field are left out, as Rspamd does;
    not ``From :``, which is the field, if an obsolete way to write it (RFC 5322, section 4.5).
    CRLF, LF and a mix of them end lines. Without an empty line everything is header.
    """
    while start < end and data[start] in _BEFORE_MESSAGE:
        start += 1
    if _MBOX_LINE.match(data, start, end):
        line_end = data.find(b"\n", start, end)
        start = end if line_end < 0 else line_end + 1
    header_end, body = find_body(data, start, end)
    return start, header_end, body


def find_body(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header block that begins at ``start`` ends and where its body begins."""
    if data.startswith(b"\n", start, end):
        return start, start + 1
    if data.startswith(b"\r\n", start, end):
        return start, start + 2
    bound = min(end, start + MAX_HEADER_BLOCK)
    empty = _EMPTY_LINE.search(data, start, bound)
    if empty is not None:
        return empty.start() + 1, empty.end()
    if bound < end:
        cut = data.rfind(b"\n", start, bound) + 1
        return (cut, cut) if cut > start else (bound, bound)
    return end, end


def parse_header_block(
    block: bytes, note: Callable[[Defect], None], limit: int = MAX_HEADERS
) -> tuple[HeaderField, ...]:
    """The fields of a header block, in order; what is no field is noted.

    All of the first ``limit`` in the first ``MAX_HEADER_SIZE`` bytes; of those beyond, only the
    ones that say what the content is and what the recipient sees, so that nothing hides there.
    """
    if b"\0" in block:
        note(Defect.NUL_BYTE)
    if not block.isascii():
        note(Defect.EIGHT_BIT_HEADER)
    if len(block) <= MAX_HEADER_SIZE and block.count(b"\n") < limit:
        return _fields(block, note)
    return _bounded_fields(block, note, limit)


def _fields(block: bytes, note: Callable[[Defect], None]) -> tuple[HeaderField, ...]:
    """The fields of a block within all bounds: split where fields begin, not line by line."""
    fields: list[HeaderField] = []
    if block.endswith(b"\n"):
        block = block[:-1]
    for written in _NEXT_FIELD.split(block) if block else ():
        written_name, colon, raw = written.partition(b":")
        known = (_name if len(written_name) <= _MAX_KEPT_NAME else _read_name)(written_name)
        if not colon or known is None:
            if written[:1] not in (b" ", b"\t"):  # the rest of a field that has no begin
                note(Defect.HEADER_LINE_WITHOUT_COLON)
            continue
        name, key, valid = known
        if not valid:
            note(Defect.HEADER_NAME_INVALID)
        if raw.endswith(b"\r"):
            raw = raw[:-1]
        fields.append(HeaderField(name, raw[:MAX_VALUE], len(fields), key))
    return tuple(fields)


def _read_name(written: bytes) -> tuple[str, str, bool] | None:
    """What stands before a colon as a field's name, in lower case, and whether it may be one."""
    stripped = written.rstrip(b" \t")
    if not stripped or b"\n" in written or written[0] in b" \t":
        return None
    name = stripped.decode("ascii", "replace")
    return name, name.lower(), not stripped.translate(None, _NAME_BYTES)


_name = lru_cache(maxsize=512)(_read_name)


def _bounded_fields(
    block: bytes, note: Callable[[Defect], None], limit: int
) -> tuple[HeaderField, ...]:
    """The same line by line, up to the bounds, and what counts beyond them."""
    fields: list[HeaderField] = []
    name = b""
    value: list[bytes] = []
    size = len(block)
    if size > MAX_HEADER_SIZE:
        size = block.rfind(b"\n", 0, MAX_HEADER_SIZE) + 1 or MAX_HEADER_SIZE
    lines = block[:size].split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    field_start = position = 0
    for line in lines:
        line_start = position
        position += len(line) + 1
        if line[:1] in (b" ", b"\t"):
            if name:
                value.append(line)
            continue
        if name:
            fields.append(_field(name, value, len(fields)))
            if len(fields) >= limit:
                note(Defect.HEADERS_TRUNCATED)
                return (*fields, *_late_fields(block, line_start, len(fields)))
        field_start = line_start
        name, colon, rest = line.partition(b":")
        stripped = name.rstrip(b" \t")
        if not colon or not stripped:
            note(Defect.HEADER_LINE_WITHOUT_COLON)
            name = b""
            continue
        if stripped.translate(None, _NAME_BYTES):
            note(Defect.HEADER_NAME_INVALID)
        name = stripped
        value = [rest]
    if size < len(block):
        # The last field may go on beyond.
        note(Defect.HEADERS_TRUNCATED)
        if name:
            colon_at = block.index(b":", field_start)
            fields.append(_read_field(block, name, colon_at + 1, len(fields)))
            field_start += 1
        return (*fields, *_late_fields(block, field_start, len(fields)))
    if name:
        fields.append(_field(name, value, len(fields)))
    return tuple(fields)


def _late_fields(block: bytes, start: int, index: int) -> list[HeaderField]:
    """The fields beyond the bounds, from the line at ``start``, that nobody may hide."""
    found = sorted(
        (match.end(), match[1])
        for kind in _LATE_KINDS
        for match in islice(kind.finditer(block, max(0, start - 1)), MAX_LATE_FIELDS)
    )
    return [
        _read_field(block, name, at, index + n, MAX_LATE_VALUE)
        for n, (at, name) in enumerate(found)
    ]


def _read_field(
    block: bytes, name: bytes, start: int, index: int, size: int = MAX_VALUE
) -> HeaderField:
    """The field whose value begins at ``start``, after the colon; ``size`` bytes of it at most."""
    following = _NEXT_FIELD.search(block, start, start + size)
    end = start + size if following is None else following.start()
    return _field(name, [block[start:end]], index)


def _field(name: bytes, lines: list[bytes], index: int) -> HeaderField:
    raw = lines[0] if len(lines) == 1 else b"\n".join(lines)
    raw = raw[:-1] if raw[-1:] == b"\r" else raw
    return HeaderField(name.decode("ascii", "replace"), raw[:MAX_VALUE], index)
