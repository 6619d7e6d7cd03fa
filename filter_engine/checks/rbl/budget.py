"""Which names are asked for where a message holds more than ``dns_max_requests`` of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import zip_longest
from typing import Final

from filter_engine.checks.rbl.elements import Element

Names = dict[str, list[Element]]
"""Names of one rule, or what stands before its zone, with all they stand for."""

_ALWAYS: Final = frozenset({"from", "helo", "rdns", "dkim"})
"""What a message has few of, and what says most: Rspamd asks for these beyond its limit too."""


def affordable(asked: Iterable[Names], known: Set[str], room: int) -> set[str]:
    """The names to ask for: those of the client, and ``room`` names in all as far as it goes.

    Each list has its first name, then each its second: a mail of many URLs is looked up everywhere
    by its first ones. ``known`` were asked for already and cost nothing.
    """
    kept = set(known)
    others: list[Sequence[str]] = []
    for names in asked:
        always = {
            name
            for name, elements in names.items()
            if any(element.label in _ALWAYS for element in elements)
        }
        kept |= always
        others.append([name for name in names if name not in always])
    for row in zip_longest(*others):
        for name in row:
            if len(kept) >= room:
                return kept
            if name is not None:
                kept.add(name)
    return kept
