"""Walking a tree of values."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar


def scalars(
    node: UclNode, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], UclScalar]]:
    """Every scalar below ``node`` with the keys that lead to it."""
    if isinstance(node, UclScalar):
        yield path, node
    elif isinstance(node, UclArray):
        for item in node:
            yield from scalars(item, path)
    else:
        for key, values in node.entries.items():
            for value in values:
                yield from scalars(value, (*path, key))


def text(node: UclNode | None) -> str:
    """A scalar as it was written; empty for anything else."""
    if not isinstance(node, UclScalar) or node.value is None:
        return ""
    return node.value if isinstance(node.value, str) else node.text or str(node.value)


def texts(section: UclObject, *keys: str) -> Iterator[tuple[str, UclScalar]]:
    """Every value of ``keys``, arrays opened."""
    for key in keys:
        for node in section.values(key):
            if isinstance(node, UclScalar):
                yield text(node), node


def sections(node: UclObject, key: str) -> Iterator[tuple[str, UclObject]]:
    """``key "name" { }`` or ``key { name { } }``: name and section of each."""
    for outer in node.values(key):
        if isinstance(outer, UclObject):
            yield from named(outer)


def named(outer: UclObject) -> Iterator[tuple[str, UclObject]]:
    """Every section directly in ``outer``, with its key."""
    for name, values in outer.entries.items():
        for value in values:
            for item in value if isinstance(value, UclArray) else (value,):
                if isinstance(item, UclObject):
                    yield name, item


def is_off(section: UclObject) -> bool:
    """Whether ``enabled = false`` stands in a section."""
    return any(
        value.lower() in ("false", "no", "off", "0") for value, _ in texts(section, "enabled")
    )


def module_sections(root: UclObject, *names: str) -> Iterator[tuple[str, UclObject]]:
    """The sections of modules at the top of a tree, those that are switched off left out."""
    for name in names:
        for node in root.values(name):
            if isinstance(node, UclObject) and not is_off(node):
                yield name, node
