"""The Date header: missing, malformed, or far from now."""

from __future__ import annotations

from typing import Final

from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_PAST: Final = 86_400
"""Seconds."""
_FUTURE: Final = 7_200
"""Seconds."""


@check(
    "date",
    module="headers",
    symbols=(
        Symbol("MISSING_DATE", 1.0, "There is no Date header", _HEADERS),
        Symbol("INVALID_DATE", 1.5, "The Date header does not keep to RFC 5322", _HEADERS),
        Symbol("DATE_IN_PAST", 1.0, "The date is more than a day ago", _HEADERS),
        Symbol("DATE_IN_FUTURE", 4.0, "The date is more than two hours ahead", _HEADERS),
    ),
)
def date(task: Task) -> list[Finding]:
    """Age of the message by its own date; the option is hours."""
    text = task.message.text("date")
    if not text:
        return [Finding("MISSING_DATE")]
    when = task.message.strict_date
    if when is None:
        return [Finding("INVALID_DATE", evidence=text[:80])]
    age = task.now - when.timestamp()
    if age > _PAST:
        return [Finding("DATE_IN_PAST", (str(int(age // 3600)),), evidence=text[:80])]
    if -age > _FUTURE:
        return [Finding("DATE_IN_FUTURE", (str(int(-age // 3600)),), evidence=text[:80])]
    return []
