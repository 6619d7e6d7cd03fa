"""Dates of mail (RFC 5322, section 3.3) with the obsolete forms of section 4.3."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_ZONES: Final = {
    "UT": 0,
    "GMT": 0,
    "EST": -500,
    "EDT": -400,
    "CST": -600,
    "CDT": -500,
    "MST": -700,
    "MDT": -600,
    "PST": -800,
    "PDT": -700,
}
_DATE_TIME: Final = re.compile(
    r" *(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),)? *(\d{1,2}) +([A-Z][a-z]{2}) +(\d{2,4}) +"
    r"(\d\d):(\d\d)(?::(\d\d))? +(?:([+-]\d{4})|([A-Z]{2,3})|[A-IK-Za-ik-z])(?: +(\(.*)?| *(\(.*))?"
)
_MAX_LENGTH: Final = 256


def parse_date(text: str) -> datetime | None:
    """The date if it keeps to RFC 5322, obsolete zone names and short years included; else None.

    Years of two digits are read by RFC 5322, section 4.3; a leap second counts as the last second.
    """
    found = _DATE_TIME.fullmatch(text[:_MAX_LENGTH])
    if found is None:
        return None
    day, month_name, year_text, hour, minute, second, offset, zone, *comments = found.groups()
    month = _MONTHS.get(month_name)
    if month is None or (zone is not None and zone not in _ZONES):
        return None
    if any(comment and not _is_comment(comment) for comment in comments):
        return None
    year = int(year_text)
    if year < 1000:
        year += 2000 if year < 50 else 1900
    clock = int(offset) if offset else _ZONES.get(zone or "UT", 0)
    minutes = abs(clock) // 100 * 60 + abs(clock) % 100
    try:
        return datetime(
            year,
            month,
            int(day),
            int(hour),
            int(minute),
            min(int(second or 0), 59) if int(second or 0) <= 60 else 60,
            tzinfo=timezone(timedelta(minutes=minutes if clock >= 0 else -minutes)),
        )
    except (ValueError, OverflowError):
        return None


def parse_date_leniently(text: str) -> datetime | None:
    """The date as RFC 5322 or, failing that, as mail programs have written it; else None."""
    strict = parse_date(text)
    if strict is not None:
        return strict
    from email.utils import parsedate_to_datetime  # commands that scan nothing do without

    try:
        found = parsedate_to_datetime(text[:_MAX_LENGTH])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _is_comment(text: str) -> bool:
    """One comment, nested ones included, and blanks after it (RFC 5322, section 3.2.2)."""
    depth = 0
    for position, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0 and text[position + 1 :].strip(" "):
                return text[position + 1 :].lstrip(" ").startswith("(") and _is_comment(
                    text[position + 1 :].lstrip(" ")
                )
    return depth == 0
