"""Types that only options of Rspamd's modules have, this engine's own options not."""

from __future__ import annotations

import re
from typing import Any

from filter_engine.config.kinds import (
    STRING,
    TIME,
    list_of,
    merged_object,
    one_of,
    text_of,
)
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Schema,
    bind_known,
    found_text,
)
from filter_engine.config.tables import table_of as table_of  # read from here by the schemas
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

_TIME = re.compile(r"\d+(?:\.\d+)?(?:ms|s|min|m|h|d|w|y)?", re.IGNORECASE)
_RATE = re.compile(
    r"\s*\d+(?:\.\d+)?\s*[kmg]?\s*/\s*(?:\d+(?:\.\d+)?)?\s*(?:ms|s|min|m|h|d|w|y)?\s*\Z",
    re.IGNORECASE,
)


def _sections(nodes: list[UclNode]) -> list[UclNode]:
    return [
        item for node in nodes for item in (node.items if isinstance(node, UclArray) else [node])
    ]


def _anything(_nodes: list[UclNode], _binder: Binder) -> None:
    return None


def _table(nodes: list[UclNode], _binder: Binder) -> UclObject:
    return merged_object(_sections(nodes))


def _map_source(nodes: list[UclNode], _binder: Binder) -> None:
    for node in _sections(nodes):
        if not isinstance(node, UclObject):
            text_of(node)


def _quotable_time(nodes: list[UclNode], binder: Binder) -> float | str:
    first = nodes[0]
    if isinstance(first, UclScalar) and isinstance(first.value, str):
        if _TIME.fullmatch(first.value):
            return first.value
        raise MisfitError(
            f"expected a time, found {found_text(first)}", "write 10s, 5min, 2h or 90d"
        )
    return TIME.convert(nodes, binder)


def _rate(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    if not _RATE.match(text) and not text.strip().replace(".", "", 1).isdigit():
        raise MisfitError(f"{text!r} is no rate", 'write "100 / 1h", or a number per second')
    return text


#: Whatever stands there: for options whose value Rspamd hands on unseen.
ANY: Kind[None] = Kind("any value", _anything, multiple=True)
#: A section with keys of the site's choosing.
TABLE: Kind[UclObject] = Kind("section", _table, multiple=True)
#: A map: where it comes from, its entries, or a section that tells both. Nothing is opened.
MAP_SOURCE: Kind[None] = Kind("map", _map_source, multiple=True)
#: Seconds; unlike ``TIME`` it may stand in quotes, where the module's Lua reads the unit itself.
QUOTED_TIME: Kind[float | str] = Kind("time", _quotable_time)
#: ``"100 / 1h"``: messages and a time.
RATE: Kind[str] = Kind("rate", _rate)
#: One or several strings.
STRINGS = list_of(STRING)
#: Lua source that returns a function.
LUA: Kind[str] = Kind("Lua code", STRING.convert)
#: An expression over symbols, e.g. ``BAYES_SPAM & !REPLY``.
EXPRESSION: Kind[str] = Kind("expression", STRING.convert)
#: A hash function by name.
HASH = one_of("md5", "sha1", "sha256", "sha384", "sha512", "blake2", "siphash", "xxh64", "mumhash")


def either(*kinds: Kind[Any]) -> Kind[Any]:
    """The first of ``kinds`` that fits; the last one's complaint if none does."""

    def convert(nodes: list[UclNode], binder: Binder) -> Any:
        for kind in kinds[:-1]:
            if len(nodes) > 1 and not kind.multiple:
                continue
            try:
                return kind.convert(nodes, binder)
            except MisfitError:
                pass
        return kinds[-1].convert(nodes, binder)

    return Kind(
        " or ".join(kind.name for kind in kinds), convert, any(kind.multiple for kind in kinds)
    )


def each(schema: Schema, name: str) -> Kind[None]:
    """A sub-section or an array of them, each with ``schema``."""

    def convert(nodes: list[UclNode], binder: Binder) -> None:
        for node in _sections(nodes):
            bind_known(schema, merged_object([node]), binder, name)

    return Kind("sections", convert, multiple=True, inner=schema)
