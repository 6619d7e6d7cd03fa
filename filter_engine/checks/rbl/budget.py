"""Which questions are asked where a message gives reason for more than ``dns_max_requests``."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Set
from itertools import zip_longest
from typing import Final

from filter_engine.checks.rbl.elements import Element

Names = dict[str, list[Element]]
"""Names of one rule, or what stands before its zone, with all they stand for."""

ALWAYS: Final = frozenset({"from", "helo", "rdns", "dkim"})
"""Labels of what is asked for beyond the limit too: the client and who signed, of which a message
has few, and which say most."""


def always_asked(lists: Iterable[Names]) -> set[str]:
    """Names that stand for something of ``ALWAYS``."""
    return {
        name
        for names in lists
        for name, elements in names.items()
        if any(element.label in ALWAYS for element in elements)
    }


def affordable(
    lists: Iterable[Collection[Hashable]], kept: Set[Hashable], room: int
) -> set[Hashable]:
    """``kept`` and, as far as there is room for so many in all, of the rest what comes first.

    Each list has its first name, then each its second: a mail of many URLs is looked up everywhere
    by its first ones.
    """
    chosen = set(kept)
    others = [[name for name in names if name not in kept] for names in lists]
    for row in zip_longest(*others):
        for name in row:
            if len(chosen) >= room:
                return chosen
            if name is not None:
                chosen.add(name)
    return chosen
