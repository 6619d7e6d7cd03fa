"""Lists of phishing URLs: one a line, or a JSON object a line with ``url``."""

from __future__ import annotations

import json as json_library
from collections.abc import Sequence
from typing import Final

from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.message.url import parse_url

_MAX_ENTRIES: Final = 500_000
_TOLD: Final = ("tld", "sector", "brand")


@frozen
class FeedEntry:
    """A listed URL."""

    path: str
    """Without the leading slash."""
    query: str
    told: tuple[str, ...] = ()
    """What the list says of it."""


class Feed:
    """A map of kind text, read by host, and again whenever it changes."""

    def __init__(self, listed: Map, *, json: bool = False) -> None:
        self._listed = listed
        self._json = json
        self._entries: dict[str, list[FeedEntry]] | None = None
        self.where = listed.name
        listed.on_change(self._forget)

    def _forget(self) -> None:
        self._entries = None

    def of_host(self, host: str) -> Sequence[FeedEntry]:
        """The entries with that host."""
        if self._entries is None:
            self._entries = self._read()
        return self._entries.get(host, ())

    def _read(self) -> dict[str, list[FeedEntry]]:
        entries: dict[str, list[FeedEntry]] = {}
        for _, text in self._listed.texts():
            for line in text.splitlines()[:_MAX_ENTRIES]:
                written, told = self._parse(line.strip())
                url = parse_url(written, "html") if written else None
                if url is not None:
                    entry = FeedEntry(url.bare_path, url.query, told)
                    entries.setdefault(url.host, []).append(entry)
        return entries

    def _parse(self, line: str) -> tuple[str, tuple[str, ...]]:
        if not self._json or not line:
            return line, ()
        try:
            read = json_library.loads(line)
        except (ValueError, RecursionError):
            return "", ()
        if not isinstance(read, dict) or not isinstance(read.get("url"), str):
            return "", ()
        return read["url"], tuple(str(read[name]) for name in _TOLD if read.get(name))
