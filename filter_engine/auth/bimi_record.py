"""BIMI assertion records as written (draft-brand-indicators-for-message-identification)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from filter_engine.lazy_dataclass import frozen

MAX_RECORD: Final = 4096
"""Octets of a record that is read."""
MAX_URL: Final = 1024
"""Characters of a URL in it."""


@frozen
class BimiRecord:
    """A record that names a logo or a certificate; both empty declines to take part."""

    location: str = ""
    """``l=``: URL of the logo (SVG)."""
    evidence: str = ""
    """``a=``: URL of the certificate that vouches for it (VMC)."""


def parse_bimi_record(text: bytes) -> BimiRecord | None:
    """Read one TXT record; None for another kind of record, or one with a URL that is not https."""
    if len(text) > MAX_RECORD:
        return None
    tags: dict[str, str] = {}
    for part in text.decode("utf-8", "replace").split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    if not tags or next(iter(tags)) != "v" or tags["v"].upper() != "BIMI1":
        return None
    urls = [tags.get("l", ""), tags.get("a", "")]
    if any(url and not _is_https(url) for url in urls):
        return None
    return BimiRecord(*urls)


def _is_https(url: str) -> bool:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() == "https" and bool(parts.hostname)
