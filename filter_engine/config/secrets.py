"""Which values are secrets, and how they are hidden.

A schema says so (``Option.secret``); where none speaks of a name, the name itself
(``ucl/masking.py``).
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from filter_engine.config.declared import NOWHERE, Modules, Place, top
from filter_engine.ucl.masking import HIDDEN, hide_in_text, is_secret_name
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar


def is_secret(place: Place, key: str) -> bool:
    """Whether the values of ``key`` in a section are secrets, whatever stands below it."""
    option = place.value(key)
    return is_secret_name(key) if option is None else option.secret


def hidden(node: UclNode, *, secret: bool = False, place: Place = NOWHERE) -> UclNode:
    """``node`` with ``HIDDEN`` for each secret that is set.

    ``secret``: all of it is one; ``place`` is what is declared of it, where it is a section.
    """
    if isinstance(node, UclObject):
        entries = {
            name: [
                hidden(value, secret=secret or is_secret(place, name), place=place.below(name))
                for value in values
            ]
            for name, values in node.entries.items()
        }
        return UclObject(entries, node.origin, priority=node.priority)
    if isinstance(node, UclArray):
        if secret and node.items:
            return UclScalar(HIDDEN, node.origin, style='"')
        items = [hidden(item, place=place) for item in node.items]
        return UclArray(items, node.origin, priority=node.priority)
    if secret and node.value not in (None, ""):
        return UclScalar(HIDDEN, node.origin, style='"')
    if isinstance(node.value, str):
        text = hide_in_text(node.value, HIDDEN)
        if text == node.value:
            return node
        return UclScalar(text, node.origin, priority=node.priority, style=node.style)
    return node


def secrets_in(
    root: UclObject, modules: Modules, files: Container[str]
) -> Iterator[tuple[str, UclScalar]]:
    """(key, value) of each secret that ``files`` set; ``modules`` are those served.

    Schemas of sections in which these files say nothing are not loaded.
    """
    for name in root:
        for node in root.all(name):
            if any(_scalars(node, files)):
                for key, value in _secrets(node, top(name, modules), name, False):
                    if value.origin.file in files:
                        yield key, value


def _scalars(node: UclNode, files: Container[str]) -> Iterator[bool]:
    if isinstance(node, UclScalar):
        yield node.origin.file in files
    elif isinstance(node, UclArray):
        for item in node.items:
            yield from _scalars(item, files)
    else:
        assert isinstance(node, UclObject)
        for values in node.entries.values():
            for value in values:
                yield from _scalars(value, files)


def _secrets(
    node: UclNode, place: Place, key: str, secret: bool
) -> Iterator[tuple[str, UclScalar]]:
    if isinstance(node, UclScalar):
        if secret and node.value not in (None, ""):
            yield key, node
    elif isinstance(node, UclArray):
        for item in node.items:
            yield from _secrets(item, place, key, secret)
    else:
        assert isinstance(node, UclObject)
        for name, values in node.entries.items():
            here = secret or is_secret(place, name)
            for value in values:
                yield from _secrets(value, place.below(name), name, here)
