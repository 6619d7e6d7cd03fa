"""A map as a site wrote it: where its entries come from. Nothing is opened here.

What may be written (Rspamd's documentation, "Maps"): a path, ``file://``, ``http(s)://``,
``cdb://``; before it ``regexp;``, ``glob;`` and the like (what the entries are), ``fallback+``,
``sign+``, ``key=...+``; an array of those; the entries themselves, as an array or a section; or a
section with ``url`` (one or several), ``name``, ``description`` and ``poll``.
"""

from __future__ import annotations

import re
from dataclasses import field, replace
from enum import StrEnum
from typing import Final

from filter_engine.config.kinds import TIME, merged_object, text_of
from filter_engine.config.schema import Binder, Kind, MisfitError
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import NOWHERE, Origin, UclArray, UclNode, UclObject, UclScalar


class MapKind(StrEnum):
    """What the entries of a map are."""

    SET = "set"
    """Words, case ignored."""
    HASH = "hash"
    """Words with a value, case ignored."""
    RADIX = "radix"
    """Networks; the longest one that holds an address counts."""
    REGEXP = "regexp"
    """Regular expressions, ``/pattern/flags``."""
    GLOB = "glob"
    """Shell patterns of the whole key."""
    CDB = "cdb"
    """A constant database (D. J. Bernstein's format)."""
    TEXT = "text"
    """A text that its reader takes apart."""


class Scheme(StrEnum):
    """How a source is reached."""

    FILE = "file"
    HTTP = "http"
    REDIS = "redis"
    EXTERNAL = "external"
    """A service or file that is asked for each key."""


@frozen
class MapSource:
    """One place that entries come from."""

    scheme: Scheme
    location: str
    """An absolute path, a URL, or what follows ``redis://``."""
    origin: Origin = NOWHERE
    """Where the site wrote it."""
    fallback: bool = False
    """Counts only while no other source has anything."""
    signed: bool = False
    key: str = ""
    """The public key that a signature has to fit; empty: any of ``options.trusted_keys``."""


@frozen
class MapEntry:
    """An entry that stands in the configuration itself, as a line of a file would."""

    text: str
    origin: Origin = NOWHERE
    value: str | None = None
    """None: ``text`` may hold it, after a blank."""


@frozen
class MapDefinition:
    """All that was written for one map."""

    sources: tuple[MapSource, ...] = ()
    entries: tuple[MapEntry, ...] = ()
    kind: MapKind | None = None
    """What a prefix said the entries are; None: what the option says."""
    multi: bool = False
    """Every match counts (``regexp_multi;``, ``glob_multi;``)."""
    name: str = ""
    description: str = ""
    poll: float | None = None
    """Seconds between two looks at a URL."""
    written: UclNode | None = field(default=None, compare=False, repr=False)
    """The option as a site wrote it, for dumps; None for one that nobody wrote."""

    @property
    def origin(self) -> Origin:
        """Where the first of it was written."""
        if self.sources:
            return self.sources[0].origin
        return self.entries[0].origin if self.entries else NOWHERE


_PREFIXES: Final = {
    "regexp": (MapKind.REGEXP, False),
    "re": (MapKind.REGEXP, False),
    "regexp_multi": (MapKind.REGEXP, True),
    "re_multi": (MapKind.REGEXP, True),
    "glob": (MapKind.GLOB, False),
    "glob_multi": (MapKind.GLOB, True),
    "radix": (MapKind.RADIX, False),
    "ipnet": (MapKind.RADIX, False),
    "set": (MapKind.SET, False),
    "hash": (MapKind.HASH, False),
    "map": (MapKind.HASH, False),
    "plain": (MapKind.HASH, False),
    "cdb": (MapKind.CDB, False),
}
_PATH: Final = re.compile(r"/\w[\w./+@,~:= -]*\Z")
_BEFORE: Final = re.compile(r"(?:fallback\+|sign\+|key=\w+\+)+")
_REGEXP_END: Final = re.compile(r"/[imsxuUOrALDg]*\Z")
_SECTION_KEYS: Final = frozenset(
    "url urls data external backend cdb upstreams name description poll timeout method".split()  # noqa: SIM905
)


def is_location(text: str) -> bool:
    """Whether a text names a place (a path or URL), not an entry such as ``/regexp/i``."""
    bare = text.partition(";")[2] if text.partition(";")[0] in _PREFIXES else text
    if "://" in bare or _BEFORE.match(bare):
        return True
    return bool(_PATH.match(bare)) and not (bare.count("/") == 2 and _REGEXP_END.search(bare))


def define(nodes: list[UclNode], binder: Binder | None = None) -> MapDefinition:
    """Read all values written for one option. Raises ``MisfitError`` for what is no map."""
    flat: list[UclNode] = []
    for node in nodes:
        flat.extend(node.items if isinstance(node, UclArray) else (node,))
    objects = [node for node in flat if isinstance(node, UclObject)]
    if objects:
        if len(objects) != len(flat):
            raise MisfitError("a map is a section, or a list of sources or entries", node=flat[0])
        return _from_section(merged_object(flat), binder)
    texts = [(text_of(node).strip(), node) for node in flat]
    if not texts:
        return MapDefinition()
    if is_location(texts[0][0]):
        return _from_locations(texts)
    entries = []
    for text, node in texts:
        if is_location(text):
            raise MisfitError(
                f"{text!r} names a place, the first value is an entry",
                "write only places or only entries",
                node,
            )
        entries.append(MapEntry(text, node.origin))
    return MapDefinition(entries=tuple(entries))


def define_text(text: str) -> MapDefinition:
    """As ``define``, of one place or entry."""
    return define([UclScalar(text)])


def _from_locations(texts: list[tuple[str, UclNode]]) -> MapDefinition:
    kind: MapKind | None = None
    multi = False
    sources = []
    for text, node in texts:
        said, several, rest = _without_prefix(text)
        kind, multi = (said, several) if said is not None else (kind, multi)
        sources.append(_source(rest, node))
    return MapDefinition(sources=tuple(sources), kind=kind, multi=multi)


def _without_prefix(text: str) -> tuple[MapKind | None, bool, str]:
    word, semicolon, rest = text.partition(";")
    if semicolon and word in _PREFIXES:
        return *_PREFIXES[word], rest.strip()
    if text.startswith("cdb://"):
        return MapKind.CDB, False, text.removeprefix("cdb://")
    return None, False, text


def _source(text: str, node: UclNode) -> MapSource:
    fallback = signed = False
    key = ""
    while True:
        word, plus, rest = text.partition("+")
        if plus and word == "fallback":
            fallback = True
        elif plus and word == "sign":
            signed = True
        elif plus and word.startswith("key="):
            signed, key = True, word.removeprefix("key=")
        elif plus and word == "redis":
            return MapSource(Scheme.REDIS, text, node.origin, fallback)
        else:
            break
        text = rest
    scheme, separator, rest = text.partition("://")
    if not separator:
        return MapSource(Scheme.FILE, text, node.origin, fallback, signed, key)
    match scheme.lower():
        case "file":
            return MapSource(Scheme.FILE, rest, node.origin, fallback, signed, key)
        case "http" | "https":
            return MapSource(Scheme.HTTP, text, node.origin, fallback, signed, key)
        case "redis":
            return MapSource(Scheme.REDIS, rest, node.origin, fallback)
    raise MisfitError(
        f"{text!r}: maps do not come from {scheme}://",
        "write a path, file://, http:// or https://",
        node,
    )


def _from_section(node: UclObject, binder: Binder | None) -> MapDefinition:
    if not _SECTION_KEYS.intersection(node) or not (
        {"url", "urls", "data", "external"} & set(node)
    ):
        return MapDefinition(entries=tuple(_pairs(node)))
    if "external" in node and "cdb" in node:
        path = text_of(node.values("cdb")[0])
        return MapDefinition((MapSource(Scheme.FILE, path, node.origin),), kind=MapKind.CDB)
    if "external" in node:
        place = node.values("backend")
        named = text_of(place[0]) if place else ""
        return MapDefinition((MapSource(Scheme.EXTERNAL, named, node.origin),))
    places = [*node.values("url"), *node.values("urls")]
    data = node.values("data")
    if data and (not places or text_of(places[0]) == "static"):
        found = MapDefinition(entries=tuple(MapEntry(text_of(n).strip(), n.origin) for n in data))
    else:
        found = _from_locations([(text_of(place).strip(), place) for place in places])
    return MapDefinition(
        found.sources,
        found.entries,
        found.kind,
        found.multi,
        name=_said(node, "name"),
        description=_said(node, "description"),
        poll=TIME.convert(node.all("poll"), binder) if binder and "poll" in node else None,
    )


def _said(node: UclObject, key: str) -> str:
    values = node.all(key)
    return text_of(values[0]) if values else ""


def _pairs(node: UclObject) -> list[MapEntry]:
    entries = []
    for key, values in node.entries.items():
        value = values[0]
        if not isinstance(value, UclScalar):
            raise MisfitError(f"{key}: an entry's value is a text", node=value)
        text = "" if value.value in (None, True) else text_of(value)
        entries.append(MapEntry(key, value.origin, text))
    return entries


def _convert(nodes: list[UclNode], binder: Binder) -> MapDefinition:
    whole = nodes[0]
    if len(nodes) > 1:
        objects = all(isinstance(node, UclObject) for node in nodes)
        whole = merged_object(nodes) if objects else UclArray(nodes)
    return replace(define(nodes, binder), written=whole)


#: A map; ``setup.maps.of`` makes it one that can be asked.
MAP_DEFINITION: Kind[MapDefinition] = Kind("map", _convert, multiple=True)
