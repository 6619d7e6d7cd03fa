"""From bytes or a file to content. Everything is bounded; what cannot be read is one error."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable

import zstandard

from filter_engine.config.map_definition import MapEntry, MapKind
from filter_engine.maps.cdb import CdbContent
from filter_engine.maps.content import Content, TextContent, WordContent
from filter_engine.maps.limits import MAX_BYTES
from filter_engine.maps.lines import Line, read_lines, split_line
from filter_engine.maps.patterns import PatternContent
from filter_engine.maps.radix import RadixContent

_PATTERNS = (MapKind.REGEXP, MapKind.GLOB)
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"


class MapError(Exception):
    """A source cannot be read; the message says why, without the place."""


def read_file(path: str, kind: MapKind) -> Content:
    """The content of a file. Raises ``MapError``."""
    try:
        if kind is MapKind.CDB:
            return CdbContent(path)
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise MapError(f"larger than {MAX_BYTES} bytes")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MapError(error.strerror or str(error)) from None
    except ValueError as error:
        raise MapError(str(error)) from None
    return read_bytes(data, kind)


def read_bytes(data: bytes, kind: MapKind) -> Content:
    """The content of a text, plain or compressed (zstd, gzip). Raises ``MapError``."""
    if data.startswith((_ZSTD_MAGIC, _GZIP_MAGIC)):
        data = _decompressed(data)
    if len(data) > MAX_BYTES:
        raise MapError(f"larger than {MAX_BYTES} bytes")
    text = data.decode("utf-8-sig", "replace")
    if kind is MapKind.TEXT:
        return TextContent(text)
    return make_content(read_lines(text, regexps=kind is MapKind.REGEXP), kind)


def read_entries(entries: Iterable[MapEntry], kind: MapKind) -> Content:
    """The content of entries in the configuration; each has its own line there."""
    lines = []
    for entry in entries:
        line = entry.origin.line
        if entry.value is not None:
            lines.append(Line(line, entry.text, entry.value))
        elif entry.text:
            key, value = split_line(entry.text, regexps=kind is MapKind.REGEXP)
            lines.append(Line(line, key, value))
    if kind is MapKind.TEXT:
        return TextContent("\n".join(f"{line.key} {line.value}".rstrip() for line in lines))
    return make_content(lines, kind)


def make_content(lines: Iterable[Line], kind: MapKind) -> Content:
    """Content of a kind that is made of lines."""
    if kind is MapKind.RADIX:
        return RadixContent(lines)
    if kind in _PATTERNS:
        return PatternContent(lines, glob=kind is MapKind.GLOB)
    return WordContent(lines)


def _decompressed(data: bytes) -> bytes:
    try:
        if data.startswith(_ZSTD_MAGIC):
            reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
            return reader.read(MAX_BYTES + 1)
        return zlib.decompressobj(wbits=31).decompress(data, MAX_BYTES + 1)
    except (zstandard.ZstdError, zlib.error) as error:
        raise MapError(f"cannot be decompressed: {error}") from None
