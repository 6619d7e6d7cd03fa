"""Many lessons, one after the other, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from filter_engine.statistics.learning import LearnStatus, Lesson
from filter_engine.training.corpus import Found

_AT_ONCE: Final = 16
"""Lessons whose questions may travel together."""

UNREADABLE: Final = "unreadable"
UNCLASSED: Final = "unclassed"
"""Nothing says whether it is spam or ham."""


@dataclass(slots=True)
class Report:
    """What became of all messages."""

    spam: Counter[str] = field(default_factory=Counter)
    """Outcome -> messages of that class: values of ``LearnStatus``, or ``UNREADABLE``."""
    ham: Counter[str] = field(default_factory=Counter)
    unclassed: int = 0
    seconds: float = 0.0
    aborted: str = ""
    """Why it ended early; empty when it did not."""
    learnt: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Classifier -> what it knows of spam and ham, afterwards."""

    @property
    def messages(self) -> int:
        """All that were looked at."""
        return self.spam.total() + self.ham.total() + self.unclassed

    @property
    def failed(self) -> int:
        """Those that should have been learnt and could not."""
        outcomes = (UNREADABLE, LearnStatus.FAILED.value)
        return sum(counted[name] for counted in (self.spam, self.ham) for name in outcomes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "messages": self.messages,
            "spam": dict(self.spam),
            "ham": dict(self.ham),
            UNCLASSED: self.unclassed,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "aborted": self.aborted or None,
            "learnt": {name: {"spam": s, "ham": h} for name, (s, h) in self.learnt.items()},
        }


class LessonsRefusedError(Exception):
    """Nothing can be taught this way; the text says why."""


class Teaches(Protocol):
    """Whoever teaches: ``teacher.Teacher``, or a controller in its place."""

    async def learn(
        self, raw: bytes, *, spam: bool, rcpt: str = "", unlearn: bool = False, bulk: bool = False
    ) -> Lesson: ...

    async def learnt(self) -> dict[str, tuple[int, int]]: ...


async def teach(
    teacher: Teaches,
    found: Iterable[Found],
    done: Callable[[Found, Lesson | None], None],
    *,
    rcpt: str = "",
    unlearn: bool = False,
    bulk: bool = False,
) -> Report:
    """Learn all that was found; ``done`` is told of each, without a lesson where there was none.

    Ends early when the store does not take a lesson. Options as ``Teaches.learn``. Raises
    ``LessonsRefusedError``.
    """
    report = Report()
    began = time.monotonic()
    rest = iter(found)
    while batch := list(islice(rest, _AT_ONCE)):
        teachable = [one for one in batch if not one.problem and one.spam is not None]
        lessons = await asyncio.gather(
            *(
                teacher.learn(one.raw, spam=bool(one.spam), rcpt=rcpt, unlearn=unlearn, bulk=bulk)
                for one in teachable
            )
        )
        by_path = {one.path: lesson for one, lesson in zip(teachable, lessons, strict=True)}
        for one in batch:
            lesson = by_path.get(one.path)
            if one.spam is None:
                report.unclassed += 1
            else:
                counted = report.spam if one.spam else report.ham
                counted[UNREADABLE if lesson is None else lesson.status.value] += 1
            done(one, lesson)
        for lesson in lessons:
            if lesson.status is LearnStatus.FAILED:
                report.aborted = lesson.detail or "the store does not answer"
                report.seconds = time.monotonic() - began
                return report
    report.learnt = await teacher.learnt()
    report.seconds = time.monotonic() - began
    return report
