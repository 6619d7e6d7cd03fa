"""What records of strangers mean, kept for the next mail: bounded in number and size."""

from __future__ import annotations

from collections.abc import Callable
from functools import _CacheInfo, lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_LENGTH = 1024
"""Octets of a record whose meaning is kept; strangers choose what is asked for."""
MAX_RECORDS = 2048
"""Records of one kind that are kept, as in Rspamd."""


class kept(Generic[T]):  # noqa: N801  # a decorator
    """The parser with a memory: short records are read once, longer ones each time."""

    __slots__ = ("_cached", "_parse")

    def __init__(self, parse: Callable[[bytes], T]) -> None:
        self._parse = parse
        self.resize(MAX_RECORDS)

    def __call__(self, text: bytes) -> T:
        """What ``text`` means; raises what the parser raises."""
        return self._cached(text) if len(text) <= MAX_LENGTH else self._parse(text)

    def resize(self, records: int) -> None:
        """Keep so many records; those that were kept are forgotten."""
        self._cached = lru_cache(maxsize=records)(self._parse)

    def cache_info(self) -> _CacheInfo:
        """As of ``lru_cache``."""
        return self._cached.cache_info()

    def cache_clear(self) -> None:
        """Forget all."""
        self._cached.cache_clear()
