"""The effective configuration as UCL with comments: where a value comes from, what it means."""

from __future__ import annotations

import math
import textwrap

from filter_engine.config.effective import Branch, Leaf, value_node
from filter_engine.config.layers import Layers
from filter_engine.config.schema import Option
from filter_engine.ucl.emitter import emit
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

DOCUMENTATION = "https://docs.rspamd.com/"
"""Root of Rspamd's documentation, which sections name their page of."""

_UNIT = {"seconds": "s"}


def with_comments(
    top: Branch,
    layers: Layers,
    *,
    origin: bool = False,
    explained: bool = False,
    show_secrets: bool = False,
) -> str:
    """A tree of sections as UCL.

    With ``origin`` each value is followed by its layer, file and line. With ``explained`` each
    option follows its meaning, type, unit and default; those that are not set, and Rspamd's that
    this engine does not use, stand there as comments.
    """
    return "".join(_Writer(layers, origin, explained, show_secrets).section(top, 0))


def described(node: UclNode, unit: str = "") -> str:
    """A value in one line for people: ``8 s``, ``"text"``, ``[a, b]``."""
    if isinstance(node, UclArray):
        return f"[{', '.join(described(item) for item in node.items)}]"
    if isinstance(node, UclObject):
        inner = (
            f"{printable(key)} = {described(v)}" for key, vs in node.entries.items() for v in vs
        )
        return f"{{ {'; '.join(inner)} }}" if node.entries else "{ }"
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        number = f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)
        return f"{number} {_UNIT.get(unit, unit)}" if unit else number
    return _quoted(value)


def printable(text: str) -> str:
    """Text without control characters: names may come from a hostile file."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _quoted(text: str) -> str:
    """Text on one line, without control characters."""
    return emit(UclObject({"k": [UclScalar(text.replace("\n", "\\n"), style='"')]}))[4:-2]


class _Writer:
    """Writes sections line by line."""

    def __init__(self, layers: Layers, origin: bool, explained: bool, show_secrets: bool) -> None:
        self._layers = layers
        self._origin = origin
        self._explained = explained
        self._show_secrets = show_secrets

    def section(self, branch: Branch, level: int) -> list[str]:
        """The lines of a section's content."""
        lines: list[str] = []
        for key, found in branch.entries.items():
            option = branch.place.value(key)
            if self._explained and option is not None:
                lines += _help(option, level)
            for entry in found:
                if isinstance(entry, Leaf):
                    lines += self._leaf(key, entry, level)
                elif key == "worker" and not level:
                    lines += self._workers(entry)
                else:
                    lines += self._section(key, entry, level)
        if self._explained:
            for key, option in branch.place.known.items():
                if branch.find(key) is None:
                    lines += _help(option, level)
                    lines.append(f"{'    ' * level}# {key}: Rspamd's, not used by this engine\n")
        return lines

    def _workers(self, workers: Branch) -> list[str]:
        return [
            line
            for kind, found in workers.entries.items()
            for worker in found
            for line in self._section("worker", Branch({kind: [worker]}), 0)
        ]

    def _section(self, key: str, branch: Branch, level: int) -> list[str]:
        begin, _, end = _written(key, UclObject(), level).rpartition("{\n")
        lines = []
        if self._explained and branch.place.anchor:
            lines.append(f"{'    ' * level}# {DOCUMENTATION}{branch.place.anchor}\n")
        return [*lines, f"{begin}{{\n", *self.section(branch, level + 1), end]

    def _leaf(self, key: str, leaf: Leaf, level: int) -> list[str]:
        text = _written(key, leaf.shown(show_secrets=self._show_secrets), level)
        if leaf.absent:
            return [f"{'    ' * level}# {text.strip()}\n"] if self._explained else []
        if self._origin:
            return [f"{text[:-1]} # {self._layers.shown(leaf.origin)}\n"]
        return [text]


def _written(key: str, node: UclNode, level: int) -> str:
    """``key`` and value as the emitter writes them ``level`` sections deep."""
    for _ in range(level):
        key, node = "x", UclObject({key: [node]})
    lines = emit(UclObject({key: [node]})).splitlines(keepends=True)
    return "".join(lines[level : len(lines) - level])


def _help(option: Option, level: int) -> list[str]:
    default = value_node(option.default)
    facts = [option.kind.name]
    if option.unit:
        facts.append(option.unit)
    if option.kind.inner is None:
        facts.append(f"default {described(default, option.unit)}")
    if option.aliases:
        facts.append(f"also {', '.join(option.aliases)}")
    indent = "    " * level
    text = [*textwrap.wrap(option.doc, 90 - len(indent)), "; ".join(facts)]
    return [f"{indent}# {line}\n" for line in text]
