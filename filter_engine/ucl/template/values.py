"""Lua's values in Python: what is true, how a value is written, tables, equality and order.

``nil`` is None, numbers are ``float`` (LuaJIT has no integers), strings are ``str``; a string's
length and positions count bytes of its UTF-8 form, as Lua's do.
Source: the Lua 5.1 reference manual, sections 2.2 and 2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

#: A Lua value: None, bool, float, str, Table, Function, Iteration.
Value: TypeAlias = Any
#: What a template can call: a plain function of Lua values.
Function: TypeAlias = Callable[..., Value]
#: Characters or entries that are one step more.
_STEP = 256


class TemplateError(Exception):
    """An expression has no value; the message says why. The place is added by the caller."""


class Iteration(NamedTuple):
    """What ``pairs`` and ``ipairs`` give: the steps of a loop, each with its values."""

    steps: tuple[tuple[Value, ...], ...]


class Table:
    """A Lua table: any value but ``nil`` under any key but ``nil``."""

    __slots__ = ("entries",)

    def __init__(self, entries: Mapping[Value, Value] | None = None) -> None:
        self.entries: dict[Value, Value] = {}
        for key, value in (entries or {}).items():
            self.set(key, value)

    @classmethod
    def sequence(cls, items: list[Value]) -> Table:
        """A table with ``items`` under 1, 2, 3 and so on."""
        table = cls()
        table.entries = {float(n): item for n, item in enumerate(items, 1) if item is not None}
        return table

    def get(self, key: Value) -> Value:
        """The value under ``key``, or None."""
        return self.entries.get(_hashable(key))

    def set(self, key: Value, value: Value) -> None:
        """Put ``value`` under ``key``; None takes it away."""
        if value is None:
            self.entries.pop(_hashable(key), None)
        else:
            self.entries[_hashable(key)] = value

    def pairs(self) -> Iterator[tuple[Value, Value]]:
        """Every key with its value, in order of writing (Lua's order is undefined)."""
        for key, value in self.entries.items():
            yield (key[1] if isinstance(key, tuple) else key), value

    def items(self) -> list[Value]:
        """The values under 1, 2, 3 and so on, up to the first gap."""
        found: list[Value] = []
        while (value := self.entries.get(float(len(found) + 1))) is not None:
            found.append(value)
        return found

    def __len__(self) -> int:
        count = len(self.entries)  # a border in Lua's sense: nothing comes after it
        if not count or (float(count) in self.entries and float(count + 1) not in self.entries):
            return count
        return len(self.items())


def _hashable(key: Value) -> Value:
    if key is None or key != key:
        raise TemplateError("nil is no key of a table")
    # In Python True and 1.0 are one key; in Lua they are two.
    return (bool, key) if isinstance(key, bool) else key


def truth(value: Value) -> bool:
    """Whether a value counts as true: all but nil and false, so "" and 0 do."""
    return value is not None and value is not False


def type_name(value: Value) -> str:
    """Lua's name of a value's type."""
    if value is None:
        return "nil"
    for kind, name in ((bool, "boolean"), (float, "number"), (str, "string"), (Table, "table")):
        if isinstance(value, kind):
            return name
    return "function"


def text_of(value: Value) -> str:
    """A value as ``tostring`` writes it; tables and functions have no useful text."""
    if isinstance(value, str):
        return value
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.14g}"
    return type_name(value)


def number_of(value: Value, action: str) -> float:
    """A number, or a string that reads as one. Raises ``TemplateError``."""
    if isinstance(value, float):
        return value
    if isinstance(value, str) and (number := parse_number(value)) is not None:
        return number
    raise TemplateError(f"{action} a {type_name(value)} value")


def work(*values: Value) -> int:
    """Steps that one operation on these values counts as: long strings and tables take longer."""
    total = 1
    for value in values:
        if isinstance(value, str):
            total += len(value) // _STEP
        elif isinstance(value, Table):
            total += len(value.entries) // _STEP
    return total


def parse_number(text: str) -> float | None:
    """The number a string spells in decimal or hexadecimal, blanks around it allowed."""
    if len(text) > 4096:
        return None
    text = text.strip(" \t\n\v\f\r")
    if len(text) > 400 or not text.isascii() or "_" in text:
        return None
    try:
        return float(int(text, 16)) if text.lower().startswith(("0x", "-0x")) else float(text)
    except (ValueError, OverflowError):
        return None


def raw(text: str) -> bytes:
    """The bytes of a string, which its length and positions count."""
    return text.encode("utf-8", "surrogateescape")


def cooked(content: bytes) -> str:
    """The string of some bytes."""
    return content.decode("utf-8", "surrogateescape")


def equal(left: Value, right: Value) -> bool:
    """Lua's ``==``: values of different types are never equal, tables only to themselves."""
    if type_name(left) != type_name(right):
        return False
    return left is right if isinstance(left, Table) else bool(left == right)


def less(left: Value, right: Value) -> bool:
    """Lua's ``<``: of two numbers or two strings. Raises ``TemplateError``."""
    if isinstance(left, float) and isinstance(right, float):
        return left < right
    if isinstance(left, str) and isinstance(right, str):
        return raw(left) < raw(right)
    raise TemplateError(f"cannot compare a {type_name(left)} with a {type_name(right)}")
