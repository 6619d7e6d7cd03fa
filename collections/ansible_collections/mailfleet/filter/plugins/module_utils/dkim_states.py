"""DKIM and ARC keys as data: what the calendar file holds, and the DNS records that follow.

Nothing here is private: a key is its public half and the path of the other one. Formats:
docs/keys.md; records: RFC 6376, section 3.6.1, RFC 8463, section 4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    ALGORITHMS,
    record_name,
    txt_value,
)

VERSION = 1
STATES = ("future", "published", "active", "retiring", "revoked")
USES = ("dkim", "arc")
MAX_FILE = 4 << 20  # octets of a calendar file
MAX_KEYS = 10_000

_WORDS = {
    "published": "published since {day}, signs once it is due and seen",
    "active": "active since {day}",
    "retiring": "retiring since {day}: mail it signed is still on its way",
    "revoked": "revoked on {day}",
}
_KINDS = {"dkim": "DKIM", "arc": "ARC"}


class CalendarError(ValueError):
    """A calendar or its variables cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Key:
    """One key of one domain; several entries may share a private key (`path`)."""

    domain: str
    series: str
    """Which of the domain's keys it is: successors have the same."""
    use: str
    algorithm: str
    selector: str
    state: str
    dates: Mapping[str, date] = field(default_factory=dict)
    """The day each state began."""
    asked: bool = False
    """A verb began it before its time."""
    public_key: str = ""
    """Base64 of `p=`; empty for a future key."""
    path: str = ""

    @property
    def name(self) -> str:
        """Name of its record, without a final dot."""
        return record_name(self.selector, self.domain)

    @property
    def series_id(self) -> tuple[str, str, str, str]:
        """What a key has in common with its successors."""
        return (self.domain, self.use, self.series, self.algorithm)

    @property
    def value(self) -> str:
        """Value of its record; of a revoked key, one that says so."""
        if self.state == "revoked":
            return f"v=DKIM1; k={self.algorithm}; p="
        return txt_value(self.algorithm, self.public_key)

    @property
    def since(self) -> date:
        """The day its state began."""
        return self.dates[self.state]

    def entering(self, state: str, today: date) -> Key:
        """The same key in another state from today on."""
        dates = {**self.dates, state: today}
        if state == "active":
            dates.pop("retiring", None)
        return replace(self, state=state, dates=dates)


def records(keys: Iterable[Key], ttl: int) -> list[dict[str, Any]]:
    """Return the records that must stand in DNS (docs/keys.md), sorted by name."""
    found = []
    for key in keys:
        if key.state == "future":
            continue
        words = _WORDS[key.state].format(day=key.since.isoformat())
        kind = f"{_KINDS[key.use]} key {key.selector} of {key.domain} ({key.algorithm})"
        found.append(
            {
                "name": key.name,
                "type": "TXT",
                "ttl": ttl,
                "value": key.value,
                "reason": f"{kind}: {words}",
                "domain": key.domain,
                "selector": key.selector,
                "use": key.use,
                "algorithm": key.algorithm,
                "state": key.state,
            }
        )
    return sorted(found, key=lambda record: str(record["name"]))


def write(keys: Iterable[Key]) -> str:
    """Return the calendar file's text; the same keys give the same text."""
    listed = []
    for key in sorted(keys, key=lambda key: (*key.series_id, STATES.index(key.state), key.name)):
        entry = asdict(key)
        entry["dates"] = {
            state: key.dates[state].isoformat() for state in STATES if state in key.dates
        }
        listed.append(entry)
    return json.dumps({"version": VERSION, "keys": listed}, indent=2) + "\n"


def read(text: str, path: str) -> list[Key]:
    """Read a calendar file; raises `CalendarError` naming it and the entry that is wrong."""
    fix = "restore it from a backup"
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise CalendarError(f"{path} has version {data['version']!r}, this reads {VERSION}")
        entries = list(data["keys"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, CalendarError):
            raise
        raise CalendarError(f"{path} is not a calendar of keys ({error}): {fix}") from error
    if len(entries) > MAX_KEYS:
        raise CalendarError(f"{path} has {len(entries)} keys, more than {MAX_KEYS}: {fix}")
    keys = [_key(entry, number, path, fix) for number, entry in enumerate(entries, 1)]
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise CalendarError(f"{path} has two keys {name}: {fix}")
    return keys


def _key(entry: Any, number: int, path: str, fix: str) -> Key:
    try:
        dates = {str(s): date.fromisoformat(day) for s, day in entry["dates"].items()}
        key = Key(**{**entry, "dates": dates})
        for value, known in (
            (key.state, STATES),
            (key.use, USES),
            (key.algorithm, ALGORITHMS),
        ):
            if value not in known:
                raise ValueError(f"{value!r} is none of {', '.join(known)}")
        if key.state != "future" and not (key.since and key.value and key.path):
            raise ValueError("a date, the public key or the path is missing")
        return key
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalendarError(f"{path}, key {number}: {error!s}: {fix}") from error
