"""The values of a parsed UCL document; each remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias


class Origin(NamedTuple):
    """Where a value was written: file name, line and column, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Origin("<built in>", 0, 0)


class _Node:
    __slots__ = ("inherited", "joined", "origin", "priority", "shadowed")

    def __init__(self, origin: Origin, priority: int) -> None:
        self.origin = origin
        #: 0 to 15; decides which of two values of one key stays.
        self.priority = priority
        #: Values that this one replaced or outranked, the nearest first.
        self.shadowed: tuple[UclNode, ...] = ()
        #: Sections or arrays whose content was merged into this one, in order of writing.
        self.joined: tuple[UclNode, ...] = ()
        #: Whether ``.inherit`` put it here; the first value written over it replaces it.
        self.inherited = False


class UclScalar(_Node):
    """A string, number, boolean or null.

    ``value`` is ``str``, ``int``, ``float``, ``bool`` or ``None``; times are seconds as ``float``,
    sizes are ``int``. ``text`` is the spelling of a number, which tells ``10s`` from ``10``.
    ``style`` is how a string was written: "" bare, '"' quoted, "'" single-quoted, "<<" heredoc.
    """

    __slots__ = ("style", "text", "value")

    def __init__(
        self,
        value: str | int | float | bool | None,
        origin: Origin = NOWHERE,
        *,
        priority: int = 0,
        text: str = "",
        style: str = "",
    ) -> None:
        super().__init__(origin, priority)
        self.value = value
        self.text = text
        self.style = style

    def __repr__(self) -> str:
        return f"UclScalar({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, UclScalar)
            and type(self.value) is type(other.value)
            and self.value == other.value
        )

    __hash__ = None  # type: ignore[assignment]  # compared by value, and changed while parsing


class UclArray(_Node):
    """An explicit array ``[a, b]``."""

    __slots__ = ("items",)

    def __init__(
        self, items: list[UclNode] | None = None, origin: Origin = NOWHERE, *, priority: int = 0
    ) -> None:
        super().__init__(origin, priority)
        self.items: list[UclNode] = [] if items is None else items

    def __iter__(self) -> Iterator[UclNode]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"UclArray({self.items!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UclArray) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]  # compared by value, and changed while parsing


class UclObject(_Node):
    """A section: ordered keys, each with one value or several (UCL's implicit array)."""

    __slots__ = ("entries",)

    def __init__(
        self,
        entries: dict[str, list[UclNode]] | None = None,
        origin: Origin = NOWHERE,
        *,
        priority: int = 0,
    ) -> None:
        super().__init__(origin, priority)
        self.entries: dict[str, list[UclNode]] = {} if entries is None else entries

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, key: str) -> UclNode | None:
        """The first value of ``key``, or None: what libucl's lookup returns."""
        found = self.entries.get(key)
        return found[0] if found else None

    def all(self, key: str) -> list[UclNode]:
        """Every value of ``key`` in order of writing; empty when absent."""
        return self.entries.get(key, [])

    def values(self, key: str) -> list[UclNode]:
        """Every value of ``key``, explicit arrays opened up: ``[a, b]`` equals ``a`` and ``b``."""
        flat: list[UclNode] = []
        for node in self.entries.get(key, ()):
            if isinstance(node, UclArray):
                flat.extend(node.items)
            else:
                flat.append(node)
        return flat

    def __repr__(self) -> str:
        return f"UclObject({self.entries!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, UclObject)
            and list(self.entries) == list(other.entries)
            and self.entries == other.entries
        )

    __hash__ = None  # type: ignore[assignment]  # compared by value, and changed while parsing


UclNode: TypeAlias = UclScalar | UclArray | UclObject


def to_python(node: UclNode) -> object:
    """Plain Python data, as ``json.loads`` would give; a key with several values becomes a list."""
    if isinstance(node, UclScalar):
        return node.value
    if isinstance(node, UclArray):
        return [to_python(item) for item in node.items]
    return {
        key: to_python(found[0]) if len(found) == 1 else [to_python(item) for item in found]
        for key, found in node.entries.items()
    }
