"""Many patterns that are looked for in one pass over a text."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from filter_engine.matching.budget import MESSAGE_LIMIT, TIME_LIMIT, search, spend, time_left
from filter_engine.matching.cache import DatabaseCache
from filter_engine.matching.compiler import compile_patterns
from filter_engine.matching.database import (
    ALONE,
    EXACT,
    Compiled,
    hyperscan,
    load,
    platform_name,
)
from filter_engine.matching.pattern import Flags, Pattern

log = logging.getLogger(__name__)

NO_CACHE: Final = DatabaseCache(None)
RECENT: Final = 64
"""Databases that are kept for the next configuration load, on disk or not."""
_recent: dict[str, Compiled] = {}


def forget(cache: DatabaseCache) -> None:
    """Compile everything anew from now on. Raises ``OSError`` when a file cannot be removed."""
    _recent.clear()
    cache.clear()


class PatternSet:
    """Compiled patterns, known by their position. Read-only; processes forked later share it."""

    def __init__(self, patterns: Sequence[Pattern], compiled: Compiled) -> None:
        self.patterns = tuple(patterns)
        self.compiled = compiled
        self._octets = load(compiled.octets) if compiled.octets else None
        self._text = load(compiled.text) if compiled.text else None
        self._alone = tuple(i for i, kind in enumerate(compiled.kinds) if kind == ALONE)
        self._confirmed = frozenset(i for i, kind in enumerate(compiled.kinds) if kind != EXACT)
        self._timed_out: set[int] = set()

    @classmethod
    def compile(
        cls, patterns: Iterable[Pattern], *, name: str, cache: DatabaseCache = NO_CACHE
    ) -> PatternSet:
        """Compile patterns, or load them from ``cache``; ``name`` stands in warnings.

        Raises ``PatternError`` for a pattern that cannot be read. Slow ones are warned about.
        """
        wanted = tuple(patterns)
        for pattern in wanted:
            pattern.regex  # noqa: B018  # raises for a bad one
        if not wanted or hyperscan() is None:
            return cls(wanted, Compiled((ALONE,) * len(wanted)))
        key = _key(wanted)
        made: PatternSet | None = None
        compiled = _recent.get(key) or cache.load(key)
        if compiled is not None and len(compiled.kinds) == len(wanted):
            made = cls._loaded(wanted, compiled, name)
        if made is None:
            compiled = compile_patterns(wanted, name)
            cache.store(key, compiled)
            made = cls(wanted, compiled)
        _recent[key] = made.compiled
        while len(_recent) > RECENT:
            del _recent[next(iter(_recent))]
        made._tell_slow(name)
        return made

    @classmethod
    def _loaded(
        cls, patterns: tuple[Pattern, ...], compiled: Compiled, name: str
    ) -> PatternSet | None:
        try:
            return cls(patterns, compiled)
        except hyperscan().error as error:
            log.warning("%s: the kept database cannot be used (%s); compiled anew", name, error)
            return None

    def __len__(self) -> int:
        return len(self.patterns)

    def matches(self, data: bytes) -> list[int]:
        """Positions of the patterns that match, ascending, each once."""
        candidates: list[int] = []
        if self._octets is not None:
            self._octets.scan(data, match_event_handler=_collect, context=candidates)
        if self._text is not None:
            self._text.scan(_valid_utf8(data), match_event_handler=_collect, context=candidates)
        if not candidates and not self._alone:
            return candidates
        if self._confirmed:
            confirmed = self._confirmed
            texts: dict[bool, Any] = {False: data}
            found = {
                index
                for index in (*candidates, *self._alone)
                if index not in confirmed or self._search(index, texts) is not None
            }
        else:
            found = set(candidates)
        return sorted(found)

    def any(self, data: bytes) -> bool:
        """Whether any pattern matches."""
        return bool(self.matches(data))

    def matched_text(self, index: int, data: bytes) -> str:
        """The part of ``data`` that one pattern matches first, for people; "" if none."""
        match = self._search(index, {False: data})
        if match is None:
            return ""
        found: str | bytes = match.group()
        return found if isinstance(found, str) else found.decode("utf-8", "replace")

    def search(self, index: int, data: bytes) -> Any:
        """The match object of one pattern, for its groups; None when it does not match."""
        return self._search(index, {False: data})

    def count(self, index: int, data: bytes, most: int) -> int:
        """How often one pattern matches without overlap, up to ``most``."""
        pattern = self.patterns[index]
        number, limit = 0, time_left()
        if limit <= 0.0:
            return number
        began = time.thread_time()
        try:
            for _ in pattern.regex.finditer(_subject(pattern, {False: data}), timeout=limit):
                number += 1
                if number >= most:
                    break
        except TimeoutError:
            self._tell_timeout(index)
        spend(time.thread_time() - began)
        return number

    def _search(self, index: int, texts: dict[bool, Any]) -> Any:
        """The match of one pattern; ``texts`` keeps the decoded text for the next."""
        pattern = self.patterns[index]
        try:
            return search(pattern.regex, _subject(pattern, texts))
        except TimeoutError:
            self._tell_timeout(index)
            return None

    def _tell_timeout(self, index: int) -> None:
        if index not in self._timed_out:
            self._timed_out.add(index)
            log.warning(
                "%s was given up after %.0f ms on a text, or because the patterns of the message"
                " took %.0f ms together (not logged again)",
                self.patterns[index],
                TIME_LIMIT * 1000,
                MESSAGE_LIMIT * 1000,
            )

    def _tell_slow(self, name: str) -> None:
        """Name the patterns that may take long, the worst first."""
        for index, milliseconds in sorted(self.compiled.slow.items(), key=lambda item: -item[1]):
            log.warning(
                "%s may take %.0f ms on 4 KB of hostile text: hyperscan refuses it as it is;"
                " avoid nested repetitions, look-arounds and back references",
                self.patterns[index],
                milliseconds,
            )
        if self.compiled.unmeasured:
            log.warning(
                "%s: %d patterns were not measured: others took all the time there is for it",
                name,
                self.compiled.unmeasured,
            )


def _collect(index: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(index)


def _subject(pattern: Pattern, texts: dict[bool, Any]) -> Any:
    if not pattern.flags & Flags.UTF8:
        return texts[False]
    text = texts.get(True)
    if text is None:
        text = texts[True] = texts[False].decode("utf-8", "replace")
    return text


def _valid_utf8(data: bytes) -> bytes:
    """The text as valid UTF-8: hyperscan must not see anything else there."""
    if data.isascii():
        return data
    return data.decode("utf-8", "replace").encode()


def _key(patterns: Sequence[Pattern]) -> str:
    said = json.dumps([platform_name(), [[p.text, int(p.flags)] for p in patterns]])
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
