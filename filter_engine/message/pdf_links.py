"""The links of a PDF file: its URI actions (ISO 32000-1, 12.6.4.7), also those in packed objects.

Only the actions are read, no pages: what is shown as text without being a link is not seen.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

_MAX_READ: Final = 8 << 20
_MAX_UNPACKED: Final = 2 << 20
"""Octets, of all packed objects together."""
_MAX_STREAMS: Final = 100
_MAX_LINKS: Final = 200
_URI: Final = re.compile(rb"/URI\s{0,8}\(((?:[^()\\]|\\.){1,2048})\)", re.DOTALL)
_PACKED: Final = re.compile(rb"/ObjStm\b")
_STREAM: Final = re.compile(rb"stream\r?\n")
_BEFORE_STREAM: Final = 512
"""Octets of a stream's dictionary, from its type on."""
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_CONTROLS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pdf_links(content: bytes) -> list[str]:
    """The targets of a file's links, each once, in order; never raises."""
    data = content[:_MAX_READ]
    found: dict[str, None] = {}
    for block in _blocks(data):
        for link in _URI.finditer(block):
            found[_text(link[1])] = None
            if len(found) == _MAX_LINKS:
                return list(found)
    return list(found)


def _blocks(data: bytes) -> Iterator[bytes]:
    """The file itself, then its packed objects."""
    yield data
    left = _MAX_UNPACKED
    for number, packed in enumerate(_PACKED.finditer(data)):
        if number == _MAX_STREAMS or left <= 0:
            return
        stream = _STREAM.search(data, packed.end(), packed.end() + _BEFORE_STREAM)
        if stream is None:
            continue
        try:
            unpacked = zlib.decompressobj().decompress(data[stream.end() :], left)
        except zlib.error:
            continue
        left -= len(unpacked)
        yield unpacked


def _text(written: bytes) -> str:
    """A string of the file; one of two octets a character is UTF-16 (7.9.2.2)."""
    plain = _ESCAPE.sub(_unescaped, written) if b"\\" in written else written
    if plain.startswith(b"\xfe\xff"):
        return plain[2:].decode("utf-16-be", "replace")
    return plain.decode("utf-8", "replace")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    if said[:1] in b"01234567":
        return bytes((int(said, 8) & 0xFF,))
    if said in (b"\n", b"\r", b"\r\n"):
        return b""
    return _CONTROLS.get(said, said)
