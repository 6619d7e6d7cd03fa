"""What was read from one source, in the form that a kind of map is asked in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Protocol, TypeAlias

from filter_engine.maps.lines import Line

Key: TypeAlias = "str | bytes | IPv4Address | IPv6Address"
"""What is looked up; octets are UTF-8 text, or any octets for patterns."""


class Found(NamedTuple):
    """An entry that fits a key; ``line`` is 0 where entries have no lines."""

    entry: str
    value: str
    line: int


class Problem(NamedTuple):
    """A line that cannot be used."""

    line: int
    message: str


class Content(Protocol):
    """One source's entries."""

    problems: list[Problem]

    def find(self, key: Key) -> Found | None:
        """The entry that fits best."""

    def find_all(self, key: Key) -> Iterator[Found]:
        """All that fit."""

    def __len__(self) -> int: ...


def key_text(key: Key) -> str:
    """A key as text."""
    if isinstance(key, str):
        return key
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def key_bytes(key: Key) -> bytes:
    """A key as octets."""
    return key if isinstance(key, bytes) else key_text(key).encode("utf-8", "surrogateescape")


class WordContent:
    """Words without regard to case, some with a value (kinds set and hash)."""

    __slots__ = ("_lines", "_values", "problems")

    def __init__(self, lines: Iterable[Line]) -> None:
        self.problems: list[Problem] = []
        self._lines: dict[str, int] = {}
        self._values: dict[str, str] = {}
        for number, key, value in lines:
            word = key.lower()
            self._lines[word] = number
            if value:
                self._values[word] = value
            elif word in self._values:
                del self._values[word]

    def find(self, key: Key) -> Found | None:
        """The entry equal to ``key``."""
        word = (key if type(key) is str else key_text(key)).lower()
        line = self._lines.get(word)
        return None if line is None else Found(word, self._values.get(word, ""), line)

    def find_all(self, key: Key) -> Iterator[Found]:
        """The entry equal to ``key``, if any."""
        found = self.find(key)
        if found is not None:
            yield found

    def __len__(self) -> int:
        return len(self._lines)

    def items(self) -> Iterator[Found]:
        """Every entry."""
        for word, line in self._lines.items():
            yield Found(word, self._values.get(word, ""), line)


class TextContent:
    """A text as it is (kind text)."""

    __slots__ = ("problems", "text")

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.text = text

    def find(self, _key: Key) -> Found | None:
        """A text is not asked."""
        return None

    def find_all(self, _key: Key) -> Iterator[Found]:
        """A text is not asked."""
        return iter(())

    def __len__(self) -> int:
        return len(self.text)
