"""7z files: the header at the end, when it is not packed itself (7zFormat.txt)."""

from __future__ import annotations

from typing import Final

from filter_engine.message.archive.member import MAX_MEMBERS, MAX_NAME, Archive, Member

_MARK: Final = b"7z\xbc\xaf'\x1c"
_START: Final = 32
_AES: Final = b"\x06\xf1\x07\x01"
"""The coder of encryption."""
_PLAIN, _PACKED = 1, 0x17
_NAMES: Final = 0x11
_MAX_HEADER: Final = 1 << 20
_MAX_TRIED: Final = 16
"""Places that look like the names and are decoded."""


def read_7z(content: bytes) -> Archive:
    """The members' names; ``unreadable`` when the table is packed, as most programs do it."""
    if not content.startswith(_MARK) or len(content) < _START:
        raise ValueError("no 7z")
    offset = int.from_bytes(content[12:20], "little")
    size = int.from_bytes(content[20:28], "little")
    header = content[_START + offset : _START + offset + min(size, _MAX_HEADER)]
    if not header:
        return Archive("7z", unreadable=size > 0)
    if header[0] == _PACKED:
        encrypted = _AES in header
        return Archive("7z", encrypted=encrypted, unreadable=not encrypted)
    if header[0] != _PLAIN:
        raise ValueError("an unknown header")
    encrypted = _AES in header
    names = _names(header)
    return Archive("7z", tuple(Member(name, encrypted=encrypted) for name in names))


def _names(header: bytes) -> list[str]:
    """The property of names: its length, a zero, UTF-16 with a zero after each name."""
    position, tried = header.find(_NAMES, 1), 0
    while position >= 0:
        size, start = _number(header, position + 1)
        end = start + size
        # looked at in place: a header full of such beginnings would be copied once for each
        well = 2 < size <= len(header) - start and size % 2 == 1 and header[start] == 0
        if well and header[end - 2 : end] == b"\0\0":
            tried += 1
            names = header[start + 1 : end].decode("utf-16-le", "replace").split("\0")[:-1]
            if all(names):
                return [name[:MAX_NAME] for name in names[:MAX_MEMBERS]]
        if tried == _MAX_TRIED:
            break
        position = header.find(_NAMES, position + 1)
    return []


def _number(header: bytes, position: int) -> tuple[int, int]:
    """A number whose first byte says by its leading ones how many bytes follow."""
    if position >= len(header):
        return 0, position
    first = header[position]
    extra = 0
    while extra < 8 and first & (0x80 >> extra):
        extra += 1
    value = int.from_bytes(header[position + 1 : position + 1 + extra], "little")
    value |= (first & ((0x80 >> extra) - 1)) << (8 * extra) if extra < 8 else 0
    return value, position + 1 + extra
