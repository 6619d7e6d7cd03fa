"""``metric.conf`` and ``metrics.conf`` of older Rspamds, taken apart.

They held what is today in ``actions.conf`` and ``groups.conf``: an ``actions { }`` section, groups
and symbols, all of it sometimes inside ``metric { }``. Texts stay as written, comments included.
"""

from __future__ import annotations

from dataclasses import field

from filter_engine.importers.statements import Statement, line_of, statements
from filter_engine.lazy_dataclass import mutable

OLD_NAMES = ("metric.conf", "metrics.conf")

_OF_ACTIONS = frozenset({"subject", "unknown_weight", "grow_factor"})
_OF_GROUPS = frozenset({"group", "symbol", "symbols"})
_ACTIONS = frozenset(
    {"reject", "add_header", "rewrite_subject", "greylist", "soft_reject", "discard", "quarantine"}
)


@mutable
class MetricParts:
    """The two files an old one becomes, and what belongs to neither: (key, line)."""

    actions: str = ""
    groups: str = ""
    lost: list[tuple[str, int]] = field(default_factory=list)


def split_metric(text: str) -> MetricParts:
    """Take a metric file apart; the text has been parsed before."""
    parts = MetricParts()
    text = _names_outside(text)
    _split(text, statements(text), parts, 0)
    return parts


def _names_outside(text: str) -> str:
    """``group { name = "x"; ... }`` as ``group "x" { ... }``, and symbols likewise.

    In today's files all groups are in one section, where a name inside would be lost.
    """
    edits: list[tuple[int, int, str]] = []
    for top in statements(text):
        for statement in top.walk():
            if statement.key not in _OF_GROUPS or statement.names or statement.inside is None:
                continue
            named = [c for c in statement.children if c.key == "name" and c.inside is None]
            if named:
                name = text[named[0].value : named[0].end].strip(" \t\r\n;,\"'")
                edits.append((statement.value, statement.value, f'"{name}" '))
                edits.append((named[0].start, named[0].end, ""))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _split(text: str, found: tuple[Statement, ...], parts: MetricParts, start: int) -> None:
    for statement in found:
        # a comment above a statement goes with it
        whole = text[start : statement.end].strip("\n")
        start = statement.end
        key = statement.key.replace(" ", "_")
        if key == "metric" and statement.inside is not None:
            _split(text, statement.children, parts, statement.inside[0])
        elif key == "actions" and statement.inside is not None:
            lead = whole[: len(whole) - (statement.end - statement.start)]
            inner = text[slice(*statement.inside)].strip("\n").rstrip()
            parts.actions += f"{lead}{inner}\n" if lead.strip() else f"{inner}\n"
        elif key in _ACTIONS or key in _OF_ACTIONS:
            parts.actions += f"{whole.rstrip(' ;,')};\n"
        elif key in _OF_GROUPS:
            parts.groups += f"{whole}\n"
        elif not (key == "name" and "default" in whole):
            parts.lost.append((statement.key, line_of(text, statement.start)))
