"""Bodies of several parts, ``multipart/form-data`` above all (RFC 7578, RFC 2046 section 5.1)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from filter_engine.lazy_dataclass import frozen

MAX_PARTS = 16
"""Parts of a form that are looked at."""
MAX_PART_HEAD = 8 * 1024
"""Octets of the headers of a part."""
_MAX_PADDING = 256
"""Octets of white space after a delimiter."""

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
"""At most 70 characters (RFC 2046, section 5.1.1)."""
_NAME = re.compile(rb';\s*name\s*=\s*(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE)


class FormError(ValueError):
    """A body that is no form; the message says what is wrong."""


@frozen
class Part:
    """One part of a body."""

    name: str
    """Of the field (Content-Disposition)."""
    data: bytes
    content_type: str = ""
    """As it is written, parameters included; empty where there is none."""
    encoding: str = ""
    """Content-Encoding in lower case."""


def boundary_of(content_type: str) -> str:
    """What stands between the parts; raises ``FormError`` for what is no multipart type."""
    if not content_type.lstrip().lower().startswith("multipart/"):
        raise FormError("the Content-Type is not multipart/form-data")
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise FormError("the Content-Type names no boundary")
    return found[1] or found[2]


def read_form(body: bytes, boundary: str) -> tuple[Part, ...]:
    """The parts of a body in their order. Raises ``FormError``.

    Parts are only ended by a whole delimiter on a line of its own, so that a part may be a
    multipart message itself, also one whose boundary begins with this one.
    """
    delimiter = _delimiter(boundary)
    parts: list[Part] = []
    found = _next(body, delimiter, 0)
    while not found[1]:
        if len(parts) >= MAX_PARTS:
            raise FormError(f"more than {MAX_PARTS} parts")
        start = found.end()
        found = _next(body, delimiter, start)
        parts.append(_part(body, start + 2, found.start()))
    if not parts:
        raise FormError("no part begins with a delimiter on a line of its own")
    return tuple(parts)


def _delimiter(boundary: str) -> re.Pattern[bytes]:
    """A whole line; its group is filled in the closing one.

    White space may follow (RFC 2046, section 5.1.1); a line with other text is of the part. One
    pattern, because a body may hold millions of lines that only look alike.
    """
    name = re.escape(boundary.encode("utf-8", "surrogateescape"))
    return re.compile(rb"(?:\A|\r\n)--%b(--)?[ \t]{0,%d}(?=\r\n|\Z)" % (name, _MAX_PADDING))


def _next(body: bytes, delimiter: re.Pattern[bytes], start: int) -> re.Match[bytes]:
    found = delimiter.search(body, start)
    if found is None:
        raise FormError("the closing boundary is missing")
    return found


def _part(body: bytes, start: int, end: int) -> Part:
    if body.startswith(b"\r\n", start):
        head, content = b"", start + 2
    else:
        stop = body.find(b"\r\n\r\n", start, min(end, start + MAX_PART_HEAD))
        if stop < 0:
            raise FormError(f"the headers of a part do not end within {MAX_PART_HEAD} octets")
        head, content = body[start:stop], stop + 4
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    named = _NAME.search(fields.get(b"content-disposition", b""))
    return Part(
        name=_text((named[1] or named[2] or b"") if named else b""),
        data=body[content : max(end, content)],
        content_type=_text(fields.get(b"content-type", b"")),
        encoding=_text(fields.get(b"content-encoding", b"")).lower(),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def write_form(parts: Iterable[Part]) -> tuple[bytes, str]:
    """A body with the parts, and its boundary. Names and types are the engine's own."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for part in parts:
        lines = [
            f"--{boundary}",
            f'Content-Disposition: form-data; name="{part.name}"',
            f"Content-Type: {part.content_type}",
        ]
        if part.encoding:
            lines.append(f"Content-Encoding: {part.encoding}")
        pieces += ["\r\n".join([*lines, "", ""]).encode(), part.data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), boundary
