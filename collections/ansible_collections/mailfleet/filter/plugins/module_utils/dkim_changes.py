"""What becomes of keys when the site wants others than before. Pure, as `dkim_calendar`.

A change of the variables must not leave a domain unsigned: who signed goes on until a key that is
still wanted does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_series import Series
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import Key

_LIVE = ("active", "published", "retiring")


def assigned(keys: Iterable[Key], series: Sequence[Series]) -> list[Key]:
    """Give the keys of a series that is gone to one like it that has none.

    Alike are series of the same domain, use and algorithm: a selector is only the name of a key.
    """
    found = list(keys)
    known = {one.id for one in series}
    live = {key.series_id for key in found if key.state in _LIVE}
    empty = [one for one in series if one.id not in live]
    for one in sorted(empty, key=lambda one: not _has_first(found, one, live - known)):
        alike = [
            gone
            for gone in live - known
            if (gone[0], gone[1], gone[3]) == (one.domain, one.use, one.algorithm)
        ]
        if not alike:
            continue
        taken = min(alike, key=lambda gone: _rank(found, one, gone))
        found = [replace(k, series=one.name) if k.series_id == taken else k for k in found]
        live.discard(taken)
    return found


def returned(keys: Iterable[Key], series: Sequence[Series]) -> list[Key]:
    """Publish the latest retiring key of every series that is wanted again and has no other.

    Its record still stands, so that it signs as soon as it is seen.
    """
    found = list(keys)
    for one in series:
        mine = [key for key in found if key.series_id == one.id]
        retiring = [key for key in mine if key.state == "retiring"]
        if retiring and not any(key.state in ("active", "published") for key in mine):
            key = max(reversed(retiring), key=lambda key: (key.since, key.dates["published"]))
            dates = {state: day for state, day in key.dates.items() if state != "retiring"}
            found[found.index(key)] = replace(key, state="published", dates=dates)
    return found


def retired(keys: Iterable[Key], series: Sequence[Series], today: date) -> list[Key]:
    """Retire the keys of series that are gone; what signs only when it is not needed any more."""
    found = list(keys)
    needed = {key.name for key in standing_in(found, series) if not _signs(found, series, key)}
    known = {one.id for one in series}
    return [
        key.entering("retiring", today)
        if key.series_id not in known
        and key.state in ("published", "active")
        and key.name not in needed
        else key
        for key in found
    ]


def standing_in(keys: Iterable[Key], series: Sequence[Series]) -> list[Key]:
    """The active keys of series that are gone, of domains and uses that want a key."""
    known = {one.id for one in series}
    places = {(one.domain, one.use) for one in series}
    return [
        key
        for key in keys
        if key.state == "active" and key.series_id not in known and (key.domain, key.use) in places
    ]


def _signs(keys: Iterable[Key], series: Sequence[Series], instead: Key) -> bool:
    """Whether a key that is still wanted signs where this one does."""
    known = {one.id for one in series}
    return any(
        key.state == "active"
        and key.series_id in known
        and (key.domain, key.use) == (instead.domain, instead.use)
        for key in keys
    )


def _has_first(
    keys: Iterable[Key], one: Series, among: Iterable[tuple[str, str, str, str]]
) -> bool:
    return any(
        key.series_id in among
        and key.selector == one.first_selector
        and (key.domain, key.use, key.algorithm) == (one.domain, one.use, one.algorithm)
        for key in keys
    )


def _rank(
    keys: Iterable[Key], one: Series, gone: tuple[str, str, str, str]
) -> tuple[bool, int, str]:
    """The series that had the selector comes first, then the one whose key got furthest."""
    mine = [key for key in keys if key.series_id == gone]
    named = any(key.selector == one.first_selector for key in mine)
    return not named, min(_LIVE.index(k.state) for k in mine if k.state in _LIVE), gone[2]
