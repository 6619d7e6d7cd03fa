"""Gzip files (RFC 1952) and tar files, alone or one in the other (POSIX.1-2008, pax)."""

from __future__ import annotations

import zlib
from typing import Final

from filter_engine.message.archive.member import MAX_MEMBERS, Archive, Member, read_name

_BLOCK: Final = 512
_MAX_UNPACKED: Final = 1 << 20
"""Bytes of a gzip file that are unpacked to see whether it holds a tar file."""
_NAME, _EXTRA = 8, 4


def read_gzip(content: bytes) -> Archive:
    """The member by the name in the header; those of a tar file inside."""
    try:
        inside = zlib.decompressobj(31).decompress(content[:_MAX_UNPACKED], _MAX_UNPACKED)
    except zlib.error:
        return Archive("gz", unreadable=True)
    if inside[257:262] == b"ustar":
        return Archive("gz", read_tar(inside).members)
    flags, position = content[3], 10
    if flags & _EXTRA:
        position += 2 + int.from_bytes(content[10:12], "little")
    name = b""
    if flags & _NAME:
        end = content.find(b"\0", position, position + 1024)
        name = content[position:end] if end > 0 else b""
    size = int.from_bytes(content[-4:], "little")
    member = Member(read_name(name), size, len(content))
    return Archive("gz", (member,) if name else ())


def read_tar(content: bytes) -> Archive:
    """The members by their headers, as far as the content goes."""
    members: list[Member] = []
    position = 0
    while position + _BLOCK <= len(content) and len(members) < MAX_MEMBERS:
        block = content[position : position + _BLOCK]
        if not block[0]:
            break
        stated = block[124:136].strip(b"\0 ")
        size = int(stated, 8) if stated and not stated.translate(None, b"01234567") else 0
        if block[156:157] in (b"\0", b"0"):
            name = block[:100].partition(b"\0")[0]
            prefix = block[345:500].partition(b"\0")[0] if block[257:262] == b"ustar" else b""
            members.append(Member(read_name(prefix + b"/" + name if prefix else name), size, size))
        position += _BLOCK + (size + _BLOCK - 1) // _BLOCK * _BLOCK
    return Archive("tar", tuple(members))
