"""What happens when a key is written twice: libucl's duplicate strategies and priorities.

Source: libucl's README, "Multiline strings" to "Priority", and Rspamd's FAQ on local.d and
override.d. A higher priority replaces, a lower one is dropped; with equal ones ``append`` makes an
implicit array, ``merge`` puts sections and arrays together, ``rewrite`` lets the last one win
whatever the priorities, ``error`` refuses. What loses is kept in the winner's ``shadowed``.
"""

from __future__ import annotations

from enum import Enum

from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

#: Sections of one key that a merge looks through; more would make it quadratic.
_MAX_SIBLINGS = 1000


class Duplicate(Enum):
    """The strategy of a file, set by ``.include(duplicate=...)``."""

    APPEND = "append"
    MERGE = "merge"
    REWRITE = "rewrite"
    ERROR = "error"


class MergeError(Exception):
    """Two values of a key cannot be put together; ``old`` is the earlier one."""

    def __init__(self, message: str, old: UclNode) -> None:
        super().__init__(message)
        self.old = old


class Frame:
    """A section or array that is open while its content is read."""

    __slots__ = ("braced", "implied", "later", "node")

    def __init__(self, node: UclObject | UclArray, later: list[UclNode] | None = None) -> None:
        self.node = node
        #: Further values of the same key; a merged section also finds its keys in them.
        self.later: list[UclNode] = later or []
        #: Opened by a brace or bracket, so it needs one to close.
        self.braced = False
        #: Opened by a nested key (``a b { }``), so it closes with what is in it.
        self.implied = False


def place(frame: Frame, key: str, node: UclNode, strategy: Duplicate) -> Frame | None:
    """Put ``node`` under ``key`` of the frame's section.

    Returns the frame to fill when ``node`` is a section or an array: its own, that of an earlier
    one it is merged into, or a detached one when the node lost. Raises ``MergeError``.
    """
    section = frame.node
    assert isinstance(section, UclObject)
    found = section.entries.get(key)
    if found is None:
        for sibling in frame.later:
            if isinstance(sibling, UclObject) and key in sibling.entries:
                found = sibling.entries[key]
                break
    if found is None:
        section.entries[key] = [node]
    else:
        merged = _place_again(found, key, node, strategy)
        if merged is not None:
            return merged
    return None if isinstance(node, UclScalar) else Frame(node)


def _place_again(
    found: list[UclNode], key: str, node: UclNode, strategy: Duplicate
) -> Frame | None:
    old = found[0]
    if strategy is Duplicate.ERROR:
        raise MergeError(f"{key!r} is already set", old)
    if strategy is Duplicate.MERGE and not isinstance(old, UclScalar):
        if not isinstance(node, UclScalar):
            if type(old) is not type(node):
                raise MergeError(f"{key!r}: a section and an array cannot be merged", old)
            if len(found) > _MAX_SIBLINGS:
                raise MergeError(f"{key!r} has too many values to merge into", old)
            if len(old.joined) < _MAX_SIBLINGS:
                old.joined = (*old.joined, node)
            return Frame(old, found[1:])
        _replace(found, node)
    elif strategy is Duplicate.REWRITE or old.inherited or node.priority > old.priority:
        _replace(found, node)
    elif node.priority == old.priority:
        found.append(node)
    else:
        old.shadowed = (*old.shadowed, node)
    return None


def _replace(found: list[UclNode], node: UclNode) -> None:
    node.shadowed = tuple(lost for old in found for lost in (old, *old.shadowed))
    found[:] = [node]
