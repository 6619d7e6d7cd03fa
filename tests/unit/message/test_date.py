"""Dates: strictly by RFC 5322, and as written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from filter_engine.message import Defect, Message
from filter_engine.message.date import parse_date, parse_date_leniently


def at(hours: int = 0, minutes: int = 0) -> datetime:
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    return datetime(2024, 5, 1, 13, 14, 15, tzinfo=zone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 1 May 2024 13:14:15 +0200", at(2)),
        ("Wed, 01 May 2024 13:14:15 -0330", at(-3, -30)),
        ("1 May 2024 13:14:15 +0000", at()),
        ("Wed, 1 May 2024 13:14:15 +0200 (CEST)", at(2)),
        ("Wed, 1 May 2024 13:14:15 +0200 (nested (comment))", at(2)),
        ("Wed, 1 May 24 13:14:15 GMT", at()),
        ("Wed, 1 May 2024 13:14:15 EDT", at(-4)),
        ("Wed, 1 May 2024 13:14:15 Z", at()),
        ("  Wed,  1  May  2024  13:14:15  +0200", at(2)),
        ("Wed, 1 May 2024 13:14:15", None),
        ("Mit, 1 Mai 2024 13:14:15 +0200", None),
        ("Wed, 31 Apr 2024 13:14:15 +0200", None),
        ("Wed, 1 May 2024 25:14:15 +0200", None),
        ("Wed, 1 May 2024 13:14:61 +0200", None),
        ("Wed, 1 May 2024 13:14:15 MEST", None),
        ("Wed, 1 May 2024 13:14:15 +0200 (never ends", None),
        ("Wed, 1 May 2024 13:14:15 +0200 rest", None),
        ("Wed, 1 May 2024 13:14:15 +9999", None),
        ("Whenever", None),
        ("", None),
    ],
)
def test_strict(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 1 May 2024 13:14:15 +0200", at(2)),
        ("Wed, 1 May 2024 13:14:15", at()),
        ("Whenever", None),
        ("9" * 10_000, None),
    ],
)
def test_lenient(text: str, expected: datetime | None) -> None:
    assert parse_date_leniently(text) == expected


def test_two_digit_years_and_leap_seconds() -> None:
    old = parse_date("Wed, 1 May 99 13:14:60 +0000")
    assert old is not None
    assert (old.year, old.second) == (1999, 59)


def test_message_date() -> None:
    assert Message(b"Date: Wed, 1 May 2024 13:14:15 +0200\n\n").date == at(2)
    assert Message(b"\n").date is None
    bad = Message(b"Date: Whenever\n\n")
    assert bad.date is None
    assert Defect.BAD_DATE in bad.defects
