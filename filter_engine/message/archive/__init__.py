"""What is in an archive: names and sizes of its members, read from the tables in its headers.

Nothing is unpacked but the beginning of a gzip file, which may hold a tar file. Bounded in members
and effort; never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from filter_engine.message.archive.gzip import read_gzip, read_tar
from filter_engine.message.archive.member import Archive, Member
from filter_engine.message.archive.rar import read_rar
from filter_engine.message.archive.seven_zip import read_7z
from filter_engine.message.archive.zip import read_zip

_READERS: Final[dict[str, Callable[[bytes], Archive]]] = {
    "zip": read_zip,
    "rar": read_rar,
    "7z": read_7z,
    "gz": read_gzip,
    "tar": read_tar,
}
#: Types that are zip files inside.
_ZIPPED: Final = frozenset("docx xlsx pptx odt ods odp epub jar apk".split())  # noqa: SIM905


def read_archive(content: bytes, extension: str) -> Archive | None:
    """The members of an archive whose detected type has that extension; None for other files."""
    kind = "zip" if extension in _ZIPPED else extension
    reader = _READERS.get(kind)
    if reader is None:
        return None
    try:
        return reader(content)
    except (ValueError, IndexError, OverflowError):
        return Archive(kind, unreadable=True)


__all__ = ["Archive", "Member", "read_archive"]
