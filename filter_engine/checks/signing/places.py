"""Where the keys of a domain are: one walk for signing, for reading ahead and for lint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from glob import escape, iglob
from typing import Final

from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import KeyPlace, SigningOptions
from filter_engine.checks.signing.tables import table_keys
from filter_engine.config.map_definition import MapKind
from filter_engine.config.origin import BUILTIN, Origin
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map

_NOTHING: Final = Map("", MapKind.HASH)


@frozen
class NamedKey:
    """A key that the options name."""

    selector: str
    path: str = ""
    """Its file, with ``$domain`` where the domain is not known; empty: in the store, or ``key``."""
    key: str = field(default="", repr=False)
    """The key itself, where the configuration holds it."""
    origin: Origin = BUILTIN
    """Where the site names it."""


def named_keys(
    domain: str | None,
    options: SigningOptions,
    paths: Map = _NOTHING,
    selectors: Map = _NOTHING,
) -> Iterator[NamedKey]:
    """Every key of a domain; None is any domain that neither ``domain`` nor a map lists.

    ``paths`` and ``selectors`` are the maps ``path_map`` and ``selector_map``.
    """
    keys = options.domain.get(domain or "*") or options.domain.get("*")
    places = keys.places if keys is not None else ()
    selector, path = (found.get(domain or "") or "" for found in (selectors, paths))
    if not places and (selector or path or options.try_fallback):
        places = (KeyPlace(),)
    for place in places:
        named = place.selector or selector or options.selector
        if not named or not is_safe(named.lower()):
            continue
        if place.key:
            yield NamedKey(named, key=place.key, origin=place.origin("key"))
        elif options.use_redis:
            yield NamedKey(named, origin=options.origin("use_redis"))
        elif file := place.path or path or options.path:
            file = file.replace("$domain", domain or "$domain").replace("$selector", named)
            origin = _origin(place, options, "path_map" if path else "path")
            yield NamedKey(named, file, origin=origin)


def _origin(place: KeyPlace, options: SigningOptions, common: str) -> Origin:
    """Where a file is named: in the domain's own section, else by what holds for several."""
    own = place.written_at("path")
    return options.origin(common) if own is BUILTIN else own


def key_files(
    options: SigningOptions,
    paths: Map = _NOTHING,
    selectors: Map = _NOTHING,
    key_table: Map = _NOTHING,
) -> Iterator[NamedKey]:
    """Every key in a file, of every domain that is listed, and of all others."""
    return (found for found in every_key(options, paths, selectors, key_table) if found.path)


def every_key(
    options: SigningOptions,
    paths: Map = _NOTHING,
    selectors: Map = _NOTHING,
    key_table: Map = _NOTHING,
) -> Iterator[NamedKey]:
    """Every key, of every domain that is listed, and of all others."""
    if options.has_tables:  # they alone say what signs
        at = options.origin("key_table")
        for key in table_keys(key_table, options.selector):
            yield NamedKey(key.selector, key.path, key.material, at)
        return
    listed = (
        *options.domain,
        *(hit.entry for found in (paths, selectors) for hit in found.items()),
    )
    for domain in (*dict.fromkeys(name for name in listed if name != "*"), None):
        yield from named_keys(domain, options, paths, selectors)


def existing_files(found: NamedKey) -> list[str]:
    """The files that are there under the key's path."""
    return sorted(iglob(escape(found.path).replace("$domain", "*")))
