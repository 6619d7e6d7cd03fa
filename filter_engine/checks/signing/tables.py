"""OpenDKIM's tables: what an entry of ``key_table`` says, and what is wrong with both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final

from filter_engine.checks.signing.names import is_safe
from filter_engine.checks.signing.options import SigningOptions
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map

ANY_DOMAIN: Final = "$domain"
"""What stands for the domain of From where none is at hand."""
OF_AUTHOR: Final = "%"
"""What stands for it in the tables."""


@frozen
class TableKey:
    """An entry of ``key_table``."""

    domain: str
    selector: str
    path: str = ""
    material: str = field(default="", repr=False)
    """The key itself, where the table holds it."""


def table_key(entry: str, author: str, selector: str) -> TableKey | None:
    """``domain:selector:key`` or ``domain:key``; None when it is neither.

    ``author`` takes the place of ``%``: the domain of From, or ``ANY_DOMAIN``; ``selector`` is the
    one of an entry without.
    """
    domain, *rest = entry.replace(OF_AUTHOR, author).split(":", 2)
    named, key = rest if len(rest) == 2 else (selector, rest[0] if rest else "")
    domain = domain if domain == ANY_DOMAIN else domain.lower()
    if not (domain == ANY_DOMAIN or is_safe(domain)) or not is_safe(named.lower()) or not key:
        return None
    if key.startswith(("/", "./", "../")):
        return TableKey(domain, named, path=key)
    return TableKey(domain, named, material=key)


def table_keys(key_table: Map, selector: str) -> Iterator[TableKey]:
    """Every key of the table."""
    for hit in key_table.items():
        found = table_key(hit.value, ANY_DOMAIN, selector)
        if found is not None:
            yield found


def table_faults(signing_table: Map, key_table: Map, options: SigningOptions) -> Iterator[str]:
    """What no mail can be signed by: entries that are no keys, and names of none."""
    for hit in key_table.items():
        if table_key(hit.value, ANY_DOMAIN, options.selector) is None:
            yield f"{hit.where}: entry {hit.entry[:80]!r} of key_table is not domain:selector:key"
    patterns = any("*" in hit.entry or "?" in hit.entry for hit in key_table.items())
    for hit in signing_table.items():
        name = hit.value
        if name != OF_AUTHOR and not patterns and name not in key_table:
            yield f"{hit.where}: signing_table names {name[:80]!r}, which key_table does not have"
