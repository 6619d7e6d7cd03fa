"""From bytes or a file to content. Everything is bounded; what cannot be read is one error."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Final

import zstandard

from filter_engine.config.map_definition import MapEntry, MapKind, MapSource
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.cdb import CdbContent
from filter_engine.maps.content import Content, TextContent, WordContent
from filter_engine.maps.limits import MAX_BYTES
from filter_engine.maps.lines import Line, read_lines, split_line
from filter_engine.maps.patterns import PatternContent
from filter_engine.maps.protection import (
    ENCRYPTED_SUFFIX,
    SIGNATURE_SUFFIX,
    decrypted,
    is_signed,
    public_key,
    secret_key,
)
from filter_engine.maps.radix import RadixContent
from filter_engine.matching import DatabaseCache
from filter_engine.ucl.regular_file import read_regular_file

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_MEMBERS: Final = 1000
"""Of a gzip file; each copies what is left of it."""
MAX_SIGNATURE: Final = 4096
"""Octets of a signature's file."""


class MapError(Exception):
    """A source cannot be read; the message says why, without the place."""


@frozen
class MapReader:
    """Reads maps with what a configuration says about all of them."""

    cache: DatabaseCache = DatabaseCache(None)  # holds nothing
    """Compiled patterns."""
    trusted_keys: tuple[str, ...] = ()
    secret: str = ""
    """``options.maps.secretbox_key``."""

    def file(self, source: MapSource, kind: MapKind) -> Content:
        """The content of a file. Raises ``MapError``."""
        path = source.location
        data = _file_bytes(path, MAX_BYTES)
        if kind is MapKind.CDB and not source.signed:
            return _cdb(data)
        if source.signed:
            self.verify(data, _file_bytes(path + SIGNATURE_SUFFIX, MAX_SIGNATURE), source)
        return self.data(data, kind, path)

    def verify(self, data: bytes, signature: bytes, source: MapSource) -> None:
        """Raise ``MapError`` unless ``signature`` fits the data and a key that counts."""
        written = (source.key,) if source.key else self.trusted_keys
        if not written:
            raise MapError("no key to check the signature: write key=KEY+ or options.trusted_keys")
        try:
            keys = [public_key(text) for text in written]
        except ValueError as error:
            raise MapError(str(error)) from None
        if not is_signed(data, signature, keys):
            raise MapError("the signature does not fit")

    def data(self, data: bytes, kind: MapKind, place: str) -> Content:
        """The content of octets, as they are or encrypted, compressed (zstd, gzip).

        Raises ``MapError``.
        """
        if place.endswith(ENCRYPTED_SUFFIX):
            data = self._decrypted(data)
        if data.startswith((_ZSTD_MAGIC, _GZIP_MAGIC)):
            data = _decompressed(data)
        if len(data) > MAX_BYTES:
            raise MapError(f"larger than {MAX_BYTES} bytes")
        if kind is MapKind.CDB:
            return _cdb(data)
        text = data.decode("utf-8-sig", "replace")
        if kind is MapKind.TEXT:
            return TextContent(text)
        return self._content(read_lines(text, regexps=kind is MapKind.REGEXP), kind, place)

    def entries(self, entries: Sequence[MapEntry], kind: MapKind) -> Content:
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
        return self._content(lines, kind, entries[0].origin.file if entries else "")

    def _content(self, lines: Iterable[Line], kind: MapKind, place: str) -> Content:
        if kind is MapKind.RADIX:
            return RadixContent(lines)
        if kind in (MapKind.REGEXP, MapKind.GLOB):
            return PatternContent(lines, place, self.cache, glob=kind is MapKind.GLOB)
        return WordContent(lines)

    def _decrypted(self, data: bytes) -> bytes:
        if not self.secret:
            raise MapError("encrypted, and options.maps.secretbox_key is not set")
        try:
            return decrypted(data, secret_key(self.secret))
        except ValueError as error:
            raise MapError(f"cannot be decrypted: {error}") from None


def _file_bytes(path: str, most: int) -> bytes:
    try:
        return read_regular_file(path, most)
    except OSError as error:
        place = "" if not path.endswith(SIGNATURE_SUFFIX) else f"{path}: "
        raise MapError(f"{place}{error.strerror or error}") from None


def _cdb(data: bytes) -> Content:
    try:
        return CdbContent(data)
    except ValueError as error:
        raise MapError(str(error)) from None


def _decompressed(data: bytes) -> bytes:
    try:
        if data.startswith(_ZSTD_MAGIC):
            reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
            return reader.read(MAX_BYTES + 1)
        return _gunzipped(data)
    except (zstandard.ZstdError, zlib.error) as error:
        raise MapError(f"cannot be decompressed: {error}") from None


def _gunzipped(data: bytes) -> bytes:
    """All members of a gzip file (RFC 1952, section 2.2), to one octet beyond the bound.

    Raises ``zlib.error``.
    """
    parts: list[bytes] = []
    left = MAX_BYTES + 1
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(data, left)
        parts.append(part)
        left -= len(part)
        if left <= 0:
            return b"".join(parts)
        if not member.eof:
            raise zlib.error("the file ends within a member")
        data = member.unused_data
        if not data.rstrip(b"\0"):  # tapes and some tools pad with zeros
            return b"".join(parts)
    raise zlib.error(f"more than {_MAX_MEMBERS} members")
