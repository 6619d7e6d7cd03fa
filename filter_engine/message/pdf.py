"""The marks of a PDF file that matter in mail, found in its bytes (ISO 32000-1).

Nothing is unpacked: what stands in packed streams is not seen.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from filter_engine.lazy_dataclass import frozen

_MAX_READ: Final = 8 << 20
_MANY_OBJECTS: Final = 10_000
_LONG_TRAILER: Final = 100
"""Lines."""
_TRAILER: Final = b"trailer"
_OBJECT: Final = re.compile(rb"[\r\n\0]\s{0,4}\d{1,10}\s{1,4}\d{1,5}\s{1,4}obj\b")
_SCRIPT: Final = re.compile(rb"/(?:JavaScript|JS)\b")
_OPEN: Final = re.compile(rb"/OpenAction\b|/AA\b")
_COMMAND: Final = re.compile(rb"(netsh\s)|echo\s")
_ESCAPED_NAME: Final = re.compile(rb"/[A-Za-z]{0,32}#([2-7][0-9A-Fa-f])(?=[#A-Za-z<>/\s])")
_FEW_ESCAPES: Final = 10


@frozen
class PdfMarks:
    """What was found in a PDF file."""

    encrypted: bool
    scripts: bool
    open_action: bool
    """Something happens when it is opened."""
    objects: int
    many_objects: bool
    long_trailer: int
    """Bytes of a trailer of too many lines, else 0."""
    suspicious: float
    """0 to 1: commands, and names written in escapes that nothing asks for."""


def read_pdf(content: bytes) -> PdfMarks:
    """Look through a PDF file, its first 8 MiB and its last trailer; never raises."""
    data = content[:_MAX_READ]
    trailer_at = content.rfind(_TRAILER)
    trailer = content[trailer_at:] if trailer_at >= 0 else b""
    lines = trailer.splitlines()[: _LONG_TRAILER + 1]
    encrypted = any(b"/Encrypt" in line for line in lines) or _has_packed_trailer(data)
    number = sum(1 for _ in _OBJECT.finditer(data))
    return PdfMarks(
        encrypted=encrypted,
        scripts=_SCRIPT.search(data) is not None,
        open_action=_OPEN.search(data) is not None,
        objects=number,
        many_objects=number > _MANY_OBJECTS,
        long_trailer=len(trailer) if not encrypted and len(lines) > _LONG_TRAILER else 0,
        suspicious=_suspicious(data),
    )


def _has_packed_trailer(data: bytes) -> bool:
    """Whether a cross-reference stream, which is the trailer of newer files, names a key."""
    position = data.find(b"/Encrypt ")
    while position >= 0:
        around = data[max(0, position - 512) : position + 512]
        if b"/XRef" in around and b"/Type" in around:
            return True
        position = data.find(b"/Encrypt ", position + 1)
    return False


def _suspicious(data: bytes) -> float:
    shells = echoes = 0
    for command in _COMMAND.finditer(data):
        if command[1]:
            shells += 1
        else:
            echoes += 1
    needless = [
        escape.start()
        for escape in _ESCAPED_NAME.finditer(data)
        if 0x21 <= int(escape[1], 16) < 0x7F
    ]
    near = sum(1 for one, other in pairwise(needless) if other - one < 8)
    factor = 0.5 * shells
    if len(needless) > _FEW_ESCAPES:
        factor += len(needless) / 10
    if echoes > 1:
        factor += echoes / 2
    if near > 4 and len(needless) - near < 5:
        factor += 0.5
    return min(1.0, factor)
