"""Zip files: the central directory (PKWARE APPNOTE 4.3.12, 4.3.16)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from filter_engine.message.archive.member import MAX_MEMBERS, Archive, Member, read_name

_END: Final = b"PK\x05\x06"
_ENTRY: Final = b"PK\x01\x02"
_END_RECORD: Final = Struct("<4s4HIIH")
_ENTRY_RECORD: Final = Struct("<4s6H3I5HII")
_MAX_TAIL: Final = 65_535 + _END_RECORD.size
_ENCRYPTED: Final = 1 | 1 << 13
"""General purpose bits: the content is encrypted, the directory is masked."""


def read_zip(content: bytes) -> Archive:
    """The members by the central directory; raises ValueError where there is none."""
    end = content.rfind(_END, max(0, len(content) - _MAX_TAIL))
    if end < 0 or len(content) - end < _END_RECORD.size:
        raise ValueError("no central directory")
    fields = _END_RECORD.unpack_from(content, end)
    number, size = fields[4], fields[5]
    # The directory ends where its end record begins, whatever stands before the archive.
    position = max(0, end - size) if size < 0xFFFFFFFF else 0
    if not content.startswith(_ENTRY, position) and number:
        position = content.find(_ENTRY)
    members: list[Member] = []
    while 0 <= position <= len(content) - _ENTRY_RECORD.size and len(members) < MAX_MEMBERS:
        record = _ENTRY_RECORD.unpack_from(content, position)
        if record[0] != _ENTRY:
            break
        flags, packed, unpacked = record[3], record[8], record[9]
        name_length, extra, comment = record[10], record[11], record[12]
        start = position + _ENTRY_RECORD.size
        name = read_name(content[start : start + name_length])
        if not name.endswith("/"):
            members.append(Member(name, unpacked, packed, bool(flags & _ENCRYPTED)))
        position = start + name_length + extra + comment
    return Archive("zip", tuple(members))
