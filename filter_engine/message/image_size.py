"""Width and height of PNG, GIF, JPEG and BMP images, from their first bytes."""

from __future__ import annotations

import binascii
from typing import Final

_NOTHING: Final = (0, 0)
_LOOKED_AT: Final = 64 << 10
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of a frame header (ITU T.81, B.1.1.3)."""


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels; zeros for what is no such image."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] == b"GIF8" and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data[:2] == b"BM" and len(data) >= 26:
        height = int.from_bytes(data[22:26], "little", signed=True)
        return int.from_bytes(data[18:22], "little"), abs(height)
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data[:_LOOKED_AT])
    return _NOTHING


def size_in_data_url(url: str) -> tuple[int, int]:
    """The same for a ``data:`` URL in base64, of which the beginning is enough."""
    head, comma, encoded = url[:4096].partition(",")
    if not comma or not head.lower().endswith(";base64"):
        return _NOTHING
    encoded = encoded[: len(encoded) // 4 * 4]
    try:
        return image_size(binascii.a2b_base64(encoded.encode("ascii", "replace")))
    except binascii.Error:
        return _NOTHING


def _jpeg(data: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAMES:
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
    return _NOTHING
