"""How long ``regex`` may take: with one pattern on one text, and with all of one message.

hyperscan is linear; what it refuses is run by ``regex``, where a sender may find a text on which a
pattern takes for ever. A pattern that is given up does not match.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any, Final

TIME_LIMIT: Final = 0.05
"""Seconds one pattern may take on one text."""
MESSAGE_LIMIT: Final = 0.25
"""Seconds all patterns may take on one message."""


class _Budget:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MESSAGE_LIMIT


_BUDGET: ContextVar[_Budget | None] = ContextVar("regex_budget", default=None)


def begin_message() -> None:
    """The searches of this context are from now on those of a new message."""
    _BUDGET.set(_Budget())


def time_left() -> float:
    """Seconds that the next search may take; 0 when the message has had its share."""
    budget = _BUDGET.get()
    return TIME_LIMIT if budget is None else max(min(TIME_LIMIT, budget.left), 0.0)


def spend(seconds: float) -> None:
    """Count what a search took."""
    budget = _BUDGET.get()
    if budget is not None:
        budget.left -= seconds


def search(regex: Any, subject: str | bytes) -> Any:
    """``regex.search(subject)`` within the limits; raises TimeoutError beyond them."""
    limit = time_left()
    if limit <= 0.0:
        raise TimeoutError("this message has had its time for patterns")
    began = time.thread_time()
    try:
        return regex.search(subject, timeout=limit)
    finally:
        spend(time.thread_time() - began)
