"""RAR files of version 1.5 to 4 and of version 5: the chain of headers (unrar's technote)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from filter_engine.message.archive.member import MAX_MEMBERS, Archive, Member, read_name

_MARK_5: Final = b"Rar!\x1a\x07\x01\x00"
_MARK_4: Final = b"Rar!\x1a\x07\x00"
_BLOCK: Final = Struct("<HBHH")
_FILE: Final = Struct("<IIBIIBBHI")
_MAIN, _FILE_BLOCK, _END = 0x73, 0x74, 0x7B
_HEADERS_ENCRYPTED: Final = 0x80
_MAX_BLOCKS: Final = 4 * MAX_MEMBERS


def read_rar(content: bytes) -> Archive:
    """The members by the headers; raises ValueError for broken ones."""
    if content.startswith(_MARK_5):
        return _read_5(content)
    if content.startswith(_MARK_4):
        return _read_4(content)
    raise ValueError("no RAR")


def _read_4(content: bytes) -> Archive:
    members: list[Member] = []
    position = len(_MARK_4)
    for _ in range(_MAX_BLOCKS):
        if position + _BLOCK.size > len(content) or len(members) >= MAX_MEMBERS:
            break
        _, kind, flags, size = _BLOCK.unpack_from(content, position)
        if kind == _END or size < _BLOCK.size:
            break
        if kind == _MAIN and flags & _HEADERS_ENCRYPTED:
            return Archive("rar", encrypted=True)
        data = 0
        start = position + _BLOCK.size
        if kind == _FILE_BLOCK and start + _FILE.size <= len(content):
            packed, unpacked, *_, name_length, attributes = _FILE.unpack_from(content, start)
            start += _FILE.size + (8 if flags & 0x100 else 0)
            raw = content[start : start + name_length]
            # A name in both writings: the plain one is before the zero byte.
            name = read_name(raw.partition(b"\0")[0] if flags & 0x200 else raw)
            if not (flags & 0xE0 == 0xE0 or attributes & 0x10):
                members.append(Member(name, unpacked, packed, bool(flags & 4)))
            data = packed
        elif flags & 0x8000 and start + 4 <= len(content):
            data = int.from_bytes(content[start : start + 4], "little")
        position += size + data
    return Archive("rar", tuple(members))


def _number(content: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends. Raises ValueError."""
    value = 0
    for index in range(10):
        byte = content[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, position + index + 1
    raise ValueError("a number without end")


def _read_5(content: bytes) -> Archive:
    members: list[Member] = []
    position = len(_MARK_5)
    for _ in range(_MAX_BLOCKS):
        if position + 7 > len(content) or len(members) >= MAX_MEMBERS:
            break
        size, start = _number(content, position + 4)
        kind, place = _number(content, start)
        flags, place = _number(content, place)
        extra = data = 0
        if flags & 1:
            extra, place = _number(content, place)
        if flags & 2:
            data, place = _number(content, place)
        end = start + size
        if kind == 4:
            return Archive("rar", encrypted=True)
        if kind == 5 or end > len(content):
            break
        if kind == 2:
            member = _file_5(content, place, data, content[end - extra : end] if extra else b"")
            if member is not None:
                members.append(member)
        position = end + data
    return Archive("rar", tuple(members))


def _file_5(content: bytes, place: int, packed: int, extra: bytes) -> Member | None:
    flags, place = _number(content, place)
    unpacked, place = _number(content, place)
    _, place = _number(content, place)  # attributes
    place += (4 if flags & 2 else 0) + (4 if flags & 4 else 0)
    _, place = _number(content, place)  # how it is packed
    _, place = _number(content, place)  # system
    length, place = _number(content, place)
    if flags & 1:
        return None  # a directory
    name = read_name(content[place : place + min(length, 4096)])
    return Member(name, unpacked, packed, _has_encryption(extra))


def _has_encryption(extra: bytes) -> bool:
    """Whether the records after a file's header have one of type 1."""
    position = 0
    for _ in range(16):
        if position >= len(extra):
            return False
        size, start = _number(extra, position)
        kind, _ = _number(extra, start)
        if kind == 1:
            return True
        position = start + size
    return False
