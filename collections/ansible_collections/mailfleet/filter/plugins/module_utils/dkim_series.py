"""Which keys a site wants: the variables of role dkim_keys as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    ALGORITHMS,
    record_name,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import CalendarError

ARC_CHOICES = ("none", "shared", "own")
_ENTRY = {"domain", "selectors", "shares"}
_SERIES = {"selector", "algorithm"}
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+\Z")


@dataclass(frozen=True)
class Policy:
    """The terms of a key in days; a rotation of 0 never ends by itself."""

    rotation: int
    publish_lead: int
    overlap: int

    def __post_init__(self) -> None:
        for name, days in vars(self).items():
            if not 0 <= days <= 36_500:
                raise CalendarError(f"{name} of {days} days: write 0 to 36500")
        if 0 < self.rotation <= self.publish_lead:
            raise CalendarError(
                f"a key that is published {self.publish_lead} days before its term of "
                f"{self.rotation} begins: publish_lead must be shorter than rotation"
            )


@dataclass(frozen=True)
class Series:
    """A key of a domain, and all its successors."""

    domain: str
    use: str
    name: str
    """The algorithm, or where a domain has several keys of that the first selector: another
    selector does not make another series."""
    algorithm: str
    first_selector: str | None = None
    """Selector of the next key while it is free; the others are named by date."""
    shares: str | None = None
    """The domain whose private keys it uses."""

    @property
    def id(self) -> tuple[str, str, str, str]:
        """As `Key.series_id`."""
        return (self.domain, self.use, self.name, self.algorithm)


def wanted(domains: Iterable[Any], selectors: Iterable[Any], arc: str = "none") -> list[Series]:
    """Return the series of all domains, those that share after those they share with.

    `domains`: names, or mappings `{domain, selectors, shares}`; `selectors`: mappings
    `{selector, algorithm}`, what a domain has that says nothing else. Raises `CalendarError`.
    """
    common = list(selectors)
    found: dict[str, list[Series]] = {}
    for entry in domains:
        one = entry if isinstance(entry, Mapping) else {"domain": entry}
        if one.keys() - _ENTRY or "domain" not in one:
            raise CalendarError(f"a domain has {', '.join(sorted(_ENTRY))}; this is {entry!r}")
        domain = str(one["domain"])
        if not _NAME.match(domain):
            raise CalendarError(f"{domain!r} is not a domain: lower case, no final dot")
        if domain in found:
            raise CalendarError(f"domain {domain} is listed twice")
        own = one.get("selectors")
        found[domain] = [
            _series(domain, series, one.get("shares"))
            for series in (common if own is None else own)
        ]
        if arc == "own":
            found[domain].append(Series(domain, "arc", "arc", "rsa", None, one.get("shares")))
    return _ordered(found)


def _series(domain: str, entry: Any, shares: Any) -> Series:
    if not isinstance(entry, Mapping) or entry.keys() - _SERIES:
        raise CalendarError(f"{domain}: a key has {', '.join(sorted(_SERIES))}; this is {entry!r}")
    algorithm = str(entry.get("algorithm") or "rsa")
    if algorithm not in ALGORITHMS:
        raise CalendarError(f"{domain}: algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    selector = entry.get("selector")
    if selector is not None:
        try:
            record_name(str(selector), domain)
        except ValueError as error:
            raise CalendarError(str(error)) from error
    first = None if selector is None else str(selector)
    return Series(
        domain,
        "dkim",
        first or algorithm,
        algorithm,
        first,
        None if shares is None else str(shares),
    )


def _ordered(found: dict[str, list[Series]]) -> list[Series]:
    leaders, followers = [], []
    for domain, series in found.items():
        names = [one.name for one in series]
        for name in names:
            if names.count(name) > 1:
                raise CalendarError(
                    f"{domain} has two keys {name}: give each a selector of its own"
                )
        for one in series:
            if one.shares is None:
                leaders.append(one)
                continue
            others = found.get(one.shares, [])
            if one.shares == domain or any(other.shares for other in others) or not others:
                raise CalendarError(
                    f"{domain} shares the keys of {one.shares}, which has none of its own"
                )
            if not any(_alike(one, other) for other in others):
                raise CalendarError(
                    f"{domain} shares the keys of {one.shares}, which has no key {one.name}"
                )
            followers.append(one)
    return [_named(one, leaders) for one in leaders + followers]


def _named(one: Series, leaders: Iterable[Series]) -> Series:
    """The series under the algorithm's name, where that names it alone."""
    kind = (one.shares or one.domain, "dkim", one.algorithm)
    several = sum((o.domain, o.use, o.algorithm) == kind for o in leaders) > 1
    return one if one.use != "dkim" or several else replace(one, name=one.algorithm)


def _alike(one: Series, other: Series) -> bool:
    return (one.use, one.name, one.algorithm) == (other.use, other.name, other.algorithm)
