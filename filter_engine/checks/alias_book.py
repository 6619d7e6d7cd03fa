"""Which addresses an alias stands for: /etc/aliases, Postfix's virtual table, the site's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from filter_engine.config.kinds import merged_object, text_of
from filter_engine.config.map_definition import MapDefinition, MapEntry, define
from filter_engine.config.schema import Binder, Kind
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.map import Map
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject

MAX_TARGETS: Final = 100
"""Addresses that one alias may lead to; what is beyond is left out."""
_PLACE: Final = ("url", "urls", "data", "external")
_COMMENT: Final = re.compile(r"(?:\A|\s)#.*")
_NO_ADDRESS: Final = ("|", "/", '"', ":include:")
"""How a target of /etc/aliases begins that is a command, a file or a list (aliases(5))."""


def _aliases(nodes: list[UclNode], binder: Binder) -> MapDefinition:
    objects = [node for node in nodes if isinstance(node, UclObject)]
    if len(objects) != len(nodes) or any(key in merged_object(nodes) for key in _PLACE):
        return define(nodes, binder)
    entries = []
    for alias, values in merged_object(nodes).entries.items():
        flat: list[UclNode] = []
        for value in values:
            flat.extend(value.items if isinstance(value, UclArray) else (value,))
        targets = ", ".join(text_of(value) for value in flat)
        entries.append(MapEntry(alias, values[0].origin, targets))
    return MapDefinition(entries=tuple(entries))


ALIASES: Kind[MapDefinition] = Kind("map or section of aliases", _aliases, multiple=True)
"""A map, or ``{ "alias@a.example" = "target"; "other@a.example" = ["one", "two"]; }``."""


def parse_unix(text: str) -> dict[str, tuple[str, ...]]:
    """Read a file as /etc/aliases is written (aliases(5)): name in lower case -> its targets.

    A line that begins with a blank, or follows one that ends with ``\\``, goes on with the line
    before. Commands, files and ``:include:`` are left out, as no mail address stands there.
    """
    lines: list[str] = []
    joined = False
    for written in text.splitlines():
        line = _COMMENT.sub("", written).rstrip()
        if not line:
            joined = False
            continue
        if lines and (joined or written[:1] in " \t"):
            lines[-1] += " " + line.strip().rstrip("\\")
        else:
            lines.append(line.rstrip("\\"))
        joined = line.endswith("\\")
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, colon, targets = line.partition(":")
        if colon and name.strip():
            found[name.strip().strip('"').lower()] = split_targets(targets)
    return found


def split_targets(text: str) -> tuple[str, ...]:
    """The addresses of a list with commas, in lower case."""
    targets = (target.strip().lower() for target in text.split(","))
    return tuple(t for t in targets if t and not t.startswith(_NO_ADDRESS))[:MAX_TARGETS]


@frozen
class Tables:
    """The maps that aliases are read from."""

    system: Map
    """Kind text: /etc/aliases."""
    virtual: Map
    """Kind hash: Postfix's virtual(5)."""
    own: Map
    """Kind hash: ``rspamd_aliases``."""
    domains: Map
    """Kind set: domains of this site."""

    def __iter__(self) -> Iterator[Map]:
        return iter((self.system, self.virtual, self.own, self.domains))


class AliasBook:
    """Aliases and domains of a site; reads the text of /etc/aliases again when it changes."""

    def __init__(self, tables: Tables, depth: int, *, several: bool) -> None:
        self._tables = tables
        self._depth = depth
        self._several = several
        self._system: dict[str, tuple[str, ...]] = {}
        self._read()
        tables.system.on_change(self._read)

    def _read(self) -> None:
        found: dict[str, tuple[str, ...]] = {}
        for _, text in self._tables.system.texts():
            found |= parse_unix(text)
        self._system = found

    def __bool__(self) -> bool:
        """Whether the site has named any domain or alias."""
        return any(self._tables)

    def is_local(self, domain: str) -> bool:
        """Whether a domain is of this site."""
        return bool(domain) and domain in self._tables.domains

    def resolve(self, email: str) -> tuple[str, ...]:
        """The addresses that ``email`` stands for in the end; itself when it is no alias.

        Follows at most ``max_recursion_depth`` steps, each address once, so that loops end.
        """
        seen = {email.lower()}
        at = [email.lower()]
        for _ in range(self._depth):
            after: list[str] = []
            moved = False
            for address in at:
                targets = self._targets(address)
                fresh = [target for target in targets if target not in seen]
                moved = moved or bool(fresh)
                after += fresh or [address]
                seen.update(fresh)
            at = list(dict.fromkeys(after))[:MAX_TARGETS]
            if not moved:
                break
        return tuple(at)

    def _targets(self, address: str) -> tuple[str, ...]:
        user, _, domain = address.rpartition("@")
        for look in self._lookups(user, domain):
            targets = look()
            if targets and (self._several or len(targets) == 1):
                return tuple(_qualified(target, user, domain) for target in targets)
        return ()

    def _lookups(self, user: str, domain: str) -> Iterable[Callable[[], tuple[str, ...]]]:
        tables = self._tables
        address = f"{user}@{domain}"
        yield lambda: split_targets(tables.own.get(address) or "")
        yield lambda: split_targets(tables.virtual.get(address) or "")
        if self.is_local(domain):
            yield lambda: self._system.get(user, ())
        yield lambda: split_targets(tables.virtual.get(f"@{domain}") or "")


def _qualified(target: str, user: str, domain: str) -> str:
    if target.startswith("@"):
        return user + target
    return target if "@" in target else f"{target}@{domain}"
