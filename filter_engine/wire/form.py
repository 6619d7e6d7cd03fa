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
"""Octets of white space and line break after a delimiter."""

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
    multipart message itself.
    """
    delimiter = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    # The first delimiter may stand at the very beginning, without its line break.
    at = 0 if body.startswith(delimiter[2:]) else _next(body, delimiter, 0) + 2
    parts: list[Part] = []
    while True:
        start = at + len(delimiter) - 2
        if body.startswith(b"--", start):
            return tuple(parts)
        if len(parts) >= MAX_PARTS:
            raise FormError(f"more than {MAX_PARTS} parts")
        line = body.find(b"\r\n", start, start + _MAX_PADDING)
        if line < 0:
            raise FormError("a delimiter does not end its line")
        at = _next(body, delimiter, line) + 2
        parts.append(_part(body, line + 2, at - 2))


def _next(body: bytes, delimiter: bytes, start: int) -> int:
    """Where the next delimiter stands that is a whole line."""
    while True:
        found = body.find(delimiter, start)
        if found < 0:
            raise FormError("the closing boundary is missing")
        end = found + len(delimiter)
        stop = body.find(b"\r\n", end, end + _MAX_PADDING)
        # White space may follow (RFC 2046, section 5.1.1); a line with other text is of the part.
        if body.startswith(b"--", end) or (stop >= 0 and not body[end:stop].strip(b" \t")):
            return found
        start = found + 1


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
