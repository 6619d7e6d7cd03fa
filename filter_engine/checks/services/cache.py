"""What scanners said of contents before, kept in Redis: keys and values are Rspamd's.

Prefix and hexadecimal digest of the content -> names joined with VT, a tab, the weight; with
``show_attachments`` a tab and the file's name. ``OK`` is clean, ``ENCRYPTED`` and ``MACRO`` are
what they say. Seen between Rspamd 3.4 and Redis; its digests of whole messages are others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Final

from filter_engine.checks.services.protocol import Kind, Said, text_of
from filter_engine.scan.store import Store, StoreAnswer, StoreQuestion

if TYPE_CHECKING:
    from filter_engine.checks.services.contents import Content
    from filter_engine.checks.services.options import ScannerRule

_KEY: Final = hashlib.blake2b(b"rspamd").digest()
"""Of the keyed BLAKE2b that names parts."""
_WHOLE: Final = 32
"""Hexadecimal digits of a whole message's name."""
_WORDS: Final = {
    Kind.CLEAN: "OK",
    Kind.ENCRYPTED: "ENCRYPTED",
    Kind.MACRO: "MACRO",
}
_READ: Final = {
    "OK": Said(Kind.CLEAN),
    "ENCRYPTED": Said(Kind.ENCRYPTED, ("File is encrypted",)),
    "MACRO": Said(Kind.MACRO, ("File contains macros",)),
}
_MAX_NAMES: Final = 100
_MAX_WEIGHT: Final = 1000.0


class Cache:
    """The answers of one rule. Nothing here raises."""

    def __init__(self, store: Store, options: ScannerRule, expire: float) -> None:
        self._store = store
        self._prefix = (options.prefix or f"rs_{options.name}_").encode("utf-8", "replace")
        self._expire = expire
        self._named = options.show_attachments
        self._weight = options.default_score or 1.0

    def key(self, content: Content, *, of_part: bool) -> bytes:
        """The key of a content."""
        digest = hashlib.blake2b(content.data, key=_KEY).hexdigest()
        return self._prefix + (digest if of_part else digest[:_WHOLE]).encode()

    def get(self, key: bytes) -> StoreQuestion:
        """Ask what was said of it."""
        return self._store.get(key)

    def read(self, answer: StoreAnswer) -> tuple[Said, ...]:
        """What was said; nothing when that is not known, or no use."""
        if not answer.ok or not isinstance(answer.value, bytes):
            return ()
        names, *rest = answer.value[:65536].split(b"\t")
        words = [text_of(name)[:500] for name in names.split(b"\v")[:_MAX_NAMES]]
        known = _READ.get(words[0])
        if known is not None:
            return (known,)
        found = tuple(filter(None, words))
        return (Said(Kind.FOUND, found, self._number(rest)),) if found else ()

    def _number(self, rest: Sequence[bytes]) -> float:
        try:
            weight = float(rest[0][:32])
        except (IndexError, ValueError):
            return self._weight
        return min(max(weight, 0.0), _MAX_WEIGHT) if isfinite(weight) else self._weight

    def put(self, key: bytes, said: Sequence[Said], name: str) -> StoreQuestion | None:
        """Keep what was said of the content of that file name; failures are not kept."""
        kinds = {each.kind for each in said}
        if len(kinds) != 1 or not kinds <= {Kind.FOUND, *_WORDS}:
            return None
        kind = kinds.pop()
        if kind is Kind.FOUND:
            words = "\v".join(name for each in said for name in each.names)
            weight = said[0].weight
        else:
            words, weight = _WORDS[kind], 1.0
        value = f"{words}\t{weight:g}"
        if self._named and name:
            value += f"\t{name[:200]}"
        return self._store.set(key, value.encode("utf-8", "replace"), ttl=self._expire)
