"""``Compression: zstd`` of requests and replies (RFC 8878), with a bound on what comes out."""

from __future__ import annotations

from collections.abc import Callable

import zstandard

LEVEL = 1
"""Fast: messages travel a short way."""
MAX_WINDOW = 128 * 1024 * 1024
"""Octets of memory a frame may ask of us; 128 MiB is what every decoder must allow at most."""


class CompressionError(ValueError):
    """The data is no zstd frame, or stops in the middle."""


class TooLargeError(CompressionError):
    """More comes out than is allowed."""


class NoRoomError(Exception):
    """There is no room at present for what comes out."""


def compress(data: bytes) -> bytes:
    """One zstd frame."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def decompress(data: bytes, limit: int, take: Callable[[int], bool] | None = None) -> bytes:
    """The content of a zstd frame.

    Never holds more than ``limit`` octets plus 16 MiB. ``take`` is asked for room for every piece
    that comes out. Raises ``TooLargeError`` above the limit, ``NoRoomError`` when ``take`` says no,
    ``CompressionError`` for anything that is no complete frame.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    chunks: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), _CHUNK):
            chunk = decompressor.decompress(data[start : start + _CHUNK])
            size += len(chunk)
            if size > limit:
                raise TooLargeError(f"more than {limit} octets after decompression")
            if take is not None and not take(len(chunk)):
                raise NoRoomError
            chunks.append(chunk)
            if decompressor.eof:
                return b"".join(chunks)
    except zstandard.ZstdError as error:
        raise CompressionError(f"not zstd: {error}") from None
    raise CompressionError("zstd frame stops in the middle")


_CHUNK = 512
"""Octets fed at once: a block of four can stand for 128 KiB, so a call makes 16 MiB at most."""
