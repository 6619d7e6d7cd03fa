"""What a dynamic update has to change: from the records there, those wanted, and those of ours.

Pure: no questions asked here. Data of records are texts in the one form that dnspython gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Slot = tuple[str, str]
"""Name in lower case without final dot, and type."""


@dataclass(frozen=True)
class Wanted:
    """One set of records as it should be. `rivals`: how those begin that cannot stand beside it."""

    ttl: int
    data: tuple[str, ...]
    rivals: tuple[str, ...] = ("",)

    def competes(self, text: str) -> bool:
        """Whether a record that is there cannot stand beside the wanted ones."""
        return text.lstrip('"').lower().startswith(self.rivals)


@dataclass(frozen=True)
class Present:
    """One set of records as the server has it; `alias` where a CNAME stands in its place."""

    ttl: int = 0
    data: tuple[str, ...] = ()
    alias: str = ""


@dataclass(frozen=True)
class Change:
    """What becomes of one set. All of `before` must still be so when it is done."""

    slot: Slot
    before: Present
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    ttl: int = 0
    retime: bool = False
    """Only the lifetime differs: all of `add` are there already."""


@dataclass(frozen=True)
class Conflict:
    """A record that nobody here made and that cannot stand beside what is wanted."""

    slot: Slot
    found: str

    def __str__(self) -> str:
        return f"{self.slot[0]} {self.slot[1]} {self.found}"


@dataclass
class Plan:
    """All changes, what stands in the way, and what is ours once it is done."""

    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    owned: dict[Slot, tuple[str, ...]] = field(default_factory=dict)


def plan(
    wanted: Mapping[Slot, Wanted],
    present: Mapping[Slot, Present],
    owned: Mapping[Slot, Iterable[str]],
    *,
    adopt: bool = False,
) -> Plan:
    """Return what to change. `present` has every slot of `wanted` and `owned`.

    Only records that are `owned` are removed, and with `adopt` those that compete with wanted ones.
    A set with a foreign record in the way is left as it is. A foreign record that is as wanted
    stays foreign, unless `adopt` says otherwise.
    """
    made = Plan()
    for slot in dict.fromkeys((*wanted, *owned)):
        here = present[slot]
        mine = set(owned.get(slot, ()))
        want = wanted.get(slot)
        if want is None:
            gone = tuple(text for text in here.data if text in mine)
            if gone:
                made.changes.append(Change(slot, here, remove=gone))
            continue
        foreign = [
            text
            for text in here.data
            if text not in want.data and text not in mine and want.competes(text)
        ]
        if here.alias:
            made.conflicts.append(Conflict(slot, f"CNAME {here.alias}"))
        elif foreign and not adopt:
            made.conflicts += [Conflict(slot, text) for text in foreign]
        else:
            ours = mine | set(foreign)
            if adopt:
                ours |= set(want.data)
            change = _change(slot, want, here, ours)
            if change is not None:
                made.changes.append(change)
            if kept := tuple(t for t in want.data if t in ours or t not in here.data):
                made.owned[slot] = kept
            continue
        # Left as it is: what was ours there still is.
        if kept := tuple(text for text in here.data if text in mine):
            made.owned[slot] = kept
    return made


def _change(slot: Slot, want: Wanted, here: Present, ours: set[str]) -> Change | None:
    remove = tuple(text for text in here.data if text not in want.data and text in ours)
    others = [text for text in here.data if text not in ours]
    add = tuple(text for text in want.data if text not in here.data)
    # The lifetime is the whole set's (RFC 2181, section 5.2): not ours where others share it.
    ttl = here.ttl if others else want.ttl
    retime = bool(here.data) and here.ttl != ttl and set(here.data) != set(remove)
    if retime:
        return Change(slot, here, want.data, remove, ttl, retime=not add and not remove)
    return Change(slot, here, add, remove, ttl) if add or remove else None
