"""Which part of a host name is looked up: ``url_compose_map``.

A line ``*.example.com`` takes whole host names below ``example.com``; ``a.example.com`` one label
more than it says; ``!a.example.com`` leaves such hosts at their registered domain.
"""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.dns.names import is_below, organisational_domain
from filter_engine.lazy_dataclass import mutable
from filter_engine.maps import Map

_MAX_LINES = 100_000


@mutable
class _Domain:
    """The lines of one registered domain."""

    excluded: list[str]
    rules: list[tuple[str, bool]]
    """(suffix, the whole name counts), the longest first."""


class Composition:
    """A compose map, read anew when its files change."""

    def __init__(self, lines: Map) -> None:
        """``lines`` is a map of kind text."""
        self._map = lines
        self._domains = _read(lines)
        lines.on_change(self._reread)

    def _reread(self) -> None:
        self._domains = _read(self._map)

    def part(self, domain: str, host: str) -> str:
        """What is looked up of ``host``, whose registered domain is ``domain``."""
        found = self._domains.get(domain)
        if found is None:
            return domain
        if any(is_below(host, name) for name in found.excluded):
            return domain
        for suffix, whole in found.rules:
            if not is_below(host, suffix):
                continue
            if whole or host == suffix:
                return host
            label = host[: -len(suffix) - 1].rpartition(".")[2]
            return f"{label}.{suffix}"
        return domain


def _read(lines: Map) -> dict[str, _Domain]:
    found: dict[str, _Domain] = {}
    for line in _lines(lines):
        name = line.lstrip("!").removeprefix("*.").rstrip(".")
        domain = organisational_domain(name)
        rules = found.setdefault(domain, _Domain([], []))
        if line.startswith("!"):
            rules.excluded.append(name)
        else:
            rules.rules.append((name, line.startswith("*.")))
    for rules in found.values():
        rules.rules.sort(key=lambda rule: -rule[0].count(".") - rule[1])
    return found


def _lines(texts: Map) -> Iterator[str]:
    count = 0
    for _, text in texts.texts():
        for written in text.splitlines():
            line = written.partition("#")[0].strip().lower()
            if line and count < _MAX_LINES:
                count += 1
                yield line
