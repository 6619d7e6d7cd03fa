"""What records of strangers mean, kept for the next mail: bounded in number and size."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

MAX_LENGTH = 1024
"""Octets of a record whose meaning is kept; strangers choose what is asked for."""
MAX_RECORDS = 4096
"""Records of one kind that are kept: Rspamd's caches hold 2,048."""


def kept(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """The parser with a memory: short records are read once, longer ones each time.

    ``cache_info`` and ``cache_clear`` are those of ``lru_cache``.
    """
    cached = lru_cache(maxsize=MAX_RECORDS)(parse)

    def read(text: bytes) -> T:
        return cached(text) if len(text) <= MAX_LENGTH else parse(text)

    read.cache_info = cached.cache_info  # type: ignore[attr-defined]
    read.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
    return read
