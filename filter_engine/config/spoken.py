"""What the files say about one option: every value written for it, used or not.

The parsed tree holds what is used; what a value replaced or outranked is in its ``shadowed``
(``ucl/merge.py``). A section that was replaced takes all its options with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar


@frozen
class Spoken:
    """A value; ``lost_to`` is what took its place or that of a section around it."""

    node: UclNode
    lost_to: UclNode | None = None


def below(found: Iterable[Spoken], keys: Iterable[str]) -> list[Spoken]:
    """What stands under any of ``keys`` (spellings of one name) in the sections ``found``.

    Used values come first, in order of writing.
    """
    names = tuple(keys)
    under = [
        told
        for place in found
        for section in _sections(place.node)
        for key in names
        for node in section.all(key)
        for told in _with_shadows(node, place.lost_to)
    ]
    return _once(under)


def pieces(spoken: Spoken) -> Iterator[Spoken]:
    """An array that several files wrote, as one array a file; anything else as it is."""
    node = spoken.node
    if not isinstance(node, UclArray) or not node.items:
        yield spoken
        return
    for _, items in groupby(node.items, key=lambda item: item.origin.file):
        part = list(items)
        origin = node.origin if part[0].origin.file == node.origin.file else part[0].origin
        yield Spoken(UclArray(part, origin, priority=part[0].priority), spoken.lost_to)


def _sections(node: UclNode) -> Iterator[UclObject]:
    if isinstance(node, UclObject):
        yield node
    elif isinstance(node, UclArray):
        yield from (item for item in node.items if isinstance(item, UclObject))


def _with_shadows(node: UclNode, lost_to: UclNode | None) -> Iterator[Spoken]:
    """``node`` and all that it replaced, directly or in turn."""
    yield Spoken(node, lost_to)
    for shadow in node.shadowed:
        yield from _with_shadows(shadow, lost_to or node)


def _once(found: list[Spoken]) -> list[Spoken]:
    """Used values first; a value that several others replaced stands once."""
    seen: set[int] = set()
    kept: list[Spoken] = []
    for spoken in sorted(found, key=lambda told: told.lost_to is not None):
        if id(spoken.node) not in seen:
            seen.add(id(spoken.node))
            kept.append(spoken)
    return kept


def workers(root: UclObject, names: Iterable[str], number: int) -> list[Spoken]:
    """The section of the ``number``-th worker (from 1) of one kind, and those that were replaced.

    ``names`` are the spellings of the kind. Counted as ``bind_workers`` does.
    """
    kinds = tuple(names)
    found: list[Spoken] = []
    for place in below([Spoken(root)], ("worker",)):
        for section in _sections(place.node):
            kind = section.get("type")
            if isinstance(kind, UclScalar) and isinstance(kind.value, str):
                if kind.value in kinds:
                    found.append(Spoken(section, place.lost_to))
            else:
                found += below(
                    [Spoken(section, place.lost_to)], section.entries.keys() & set(kinds)
                )
    used = [told for told in found if told.lost_to is None]
    return used[number - 1 : number] + [told for told in found if told.lost_to is not None]
