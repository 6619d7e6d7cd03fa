"""What a protocol tells: how to ask about some content, and what the reply means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.exchange import Exchange

if TYPE_CHECKING:
    from filter_engine.checks.services.rule import Rule
    from filter_engine.scan.task import Task


class Kind(Enum):
    """What a reply says of the content."""

    CLEAN = "clean"
    FOUND = "found"
    ENCRYPTED = "encrypted"
    """It cannot be looked into."""
    MACRO = "macro"
    """A document that holds programs."""
    BULK = "bulk"
    """Counted often (DCC)."""
    FAIL = "fail"
    """The reply is of no use."""


class Said(NamedTuple):
    """One thing that a reply says."""

    kind: Kind
    names: tuple[str, ...] = ()
    """Of what was found."""
    weight: float = 1.0


@frozen
class Protocol:
    """One protocol, with what holds where a site says nothing."""

    port: int
    """Where a server names none; 0: a server has to."""
    request: Callable[[Rule, Task, bytes], Exchange]
    read: Callable[[Rule, bytes], tuple[Said, ...]]
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Options of the rule, by name."""
    kept: float = 3600.0
    """Seconds that Redis keeps an answer about a content; 0: each mail is asked about."""


def text_of(data: bytes) -> str:
    """What a server said, for people and patterns; nothing that could break a header's line."""
    text = data[:4096].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()
