"""A map that can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from filter_engine.config.map_definition import MapKind
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.content import Content, Found, Key, TextContent


@frozen
class Hit:
    """An entry that fits."""

    value: str
    """What stands after the key; empty when nothing does."""
    entry: str
    """The word, network or pattern, as the map has it."""
    where: str
    """``file:line``, for evidence."""


class Source:
    """One place a map is read from, shared by all maps that name it. ``content`` is replaced whole,
    so that whoever reads sees the old or the new one."""

    __slots__ = ("content", "on_change", "place")

    def __init__(self, place: str, content: Content | None = None) -> None:
        self.place = place
        """Path or URL, for people."""
        self.content = content
        """None until something was read."""
        self.on_change: list[Callable[[], None]] = []

    def replace(self, content: Content) -> None:
        """Take new content and tell those who asked for it."""
        self.content = content
        for tell in self.on_change:
            tell()

    def hit(self, found: Found) -> Hit:
        """A found entry with its place."""
        place = f"{self.place}:{found.line}" if found.line else self.place
        return Hit(found.value, found.entry, place)


class Map:
    """One or several sources of one kind, asked in order; the first hit counts.

    Sources may change between two calls, never during one of them.
    """

    __slots__ = ("_fallbacks", "_sources", "description", "kind", "multi", "name")

    def __init__(
        self,
        name: str,
        kind: MapKind,
        sources: tuple[Source, ...] = (),
        fallbacks: tuple[Source, ...] = (),
        *,
        multi: bool = False,
        description: str = "",
    ) -> None:
        self.name = name
        """The option it belongs to, e.g. ``multimap.IP_MAP``."""
        self.kind = kind
        self.multi = multi
        """Every match counts: ask ``find_all``."""
        self.description = description
        self._sources = sources
        self._fallbacks = fallbacks

    def _active(self) -> tuple[Source, ...]:
        if not self._fallbacks or any(source.content for source in self._sources):
            return self._sources
        return self._fallbacks

    def find(self, key: Key) -> Hit | None:
        """The entry that fits ``key``; networks take text and ``ipaddress`` objects."""
        for source in self._active() if self._fallbacks else self._sources:
            content = source.content
            found = None if content is None else content.find(key)
            if found is not None:
                return source.hit(found)
        return None

    def find_all(self, key: Key) -> Iterator[Hit]:
        """Every entry that fits ``key``."""
        for source in self._active():
            if source.content is not None:
                for found in source.content.find_all(key):
                    yield source.hit(found)

    def get(self, key: Key) -> str | None:
        """The value of the entry that fits, ``""`` if it has none; None when nothing fits."""
        hit = self.find(key)
        return None if hit is None else hit.value

    def __contains__(self, key: Key) -> bool:
        for source in self._active() if self._fallbacks else self._sources:
            content = source.content
            if content is not None and content.find(key) is not None:
                return True
        return False

    def __bool__(self) -> bool:
        """Whether it has any entry now."""
        for source in self._active() if self._fallbacks else self._sources:
            if source.content:
                return True
        return False

    def __len__(self) -> int:
        return sum(len(source.content) for source in self._active() if source.content is not None)

    def items(self) -> Iterator[Hit]:
        """Every entry of a map of words or patterns."""
        for source in self._active():
            # words and patterns have entries to list; networks and databases have none
            entries: Callable[[], Iterable[Found]] = getattr(source.content, "items", tuple)
            yield from map(source.hit, entries())

    def texts(self) -> Iterator[tuple[str, str]]:
        """(place, text) of each source of a map of kind text."""
        for source in self._active():
            if isinstance(source.content, TextContent):
                yield source.place, source.content.text

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` after any of its sources was read anew."""
        for source in (*self._sources, *self._fallbacks):
            source.on_change.append(tell)
