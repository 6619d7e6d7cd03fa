"""What the calendar of keys remembers of its last run: the day, and verbs that were carried out.

Kept apart from the calendar, which a day without a step leaves as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_states import (
    CalendarError,
    Key,
)

SLACK = timedelta(1)
"""So much earlier a day may be: clocks of two control nodes around midnight."""


@dataclass(frozen=True)
class LastRun:
    """`day` is None before the first run; `rolled_back` names records of keys."""

    day: date | None = None
    rolled_back: tuple[str, ...] = ()

    def text(self) -> str:
        """What the file holds."""
        day = None if self.day is None else self.day.isoformat()
        return json.dumps({"version": 1, "day": day, "rolled_back": self.rolled_back}) + "\n"

    def followed_by(self, today: date, *, day_given: bool) -> date:
        """The day to remember: a clock that is a little behind does not turn it back."""
        return today if day_given or self.day is None else max(today, self.day)


def read(text: str, path: str) -> LastRun:
    """Read the file's text; raises `CalendarError` naming the file."""
    try:
        data = json.loads(text)
        day = None if data["day"] is None else date.fromisoformat(data["day"])
        return LastRun(day, tuple(map(str, data["rolled_back"])))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CalendarError(
            f"{path} does not tell the calendar's last run ({error}): remove it"
        ) from error


def newest(keys: Iterable[Key]) -> date | None:
    """The last day on which something happened to a key."""
    days = (key.since for key in keys if key.state != "future")
    return max(days, default=None)


def check_day(today: date, last: date | None, rotation: int) -> None:
    """Raise `CalendarError` for a day that only a wrong clock can show.

    `rotation` is a term in days, 0 for keys that sign for ever.
    """
    if last is None:
        return
    if today < last - SLACK:
        raise CalendarError(
            f"today is {today.isoformat()}, and the calendar was kept on {last.isoformat()}"
            " already: set the control node's clock right; if it is right, give the day once as"
            " dkim_keys_today"
        )
    if rotation and today > last + timedelta(rotation):
        raise CalendarError(
            f"today is {today.isoformat()}, more than a term of {rotation} days after"
            f" {last.isoformat()}, when the calendar was kept last: is the control node's clock"
            " right? If so, give the day once as dkim_keys_today"
        )
