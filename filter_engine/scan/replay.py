"""Scanning again by a recording: no network, no clock, the same answers in the same order."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from filter_engine.scan.exchange import Exchange, ExchangeStatus, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.recording_file import (
    Answered,
    RecordedAnswer,
    RecordedReply,
    RecordedScan,
    Recording,
)
from filter_engine.scan.store import StoreAnswer, StoreQuestion, StoreStatus

A = TypeVar("A")

_STEP: Final = 1e-7
"""Seconds between two answers at least, so that their order is certain."""


class Replay:
    """Transport and clock of a scanner, by a recording. Call ``begin`` before each scan.

    Answers come as late as they came when they were recorded, by the time of a ``ReplayLoop``. A
    question that was asked in vain then is asked in vain again: the task's deadline ends it. One
    that was not asked of this message but of another has that answer.
    """

    def __init__(self, recording: Recording) -> None:
        self._now = 0.0
        self._began = 0.0
        self._answers: dict[DnsQuestion | str, Answered] = {}
        self._others: dict[DnsQuestion | str, Answered] = {}
        for scan in recording.scans:
            for each in _in_order(scan.answers):
                self._others.setdefault(each.asked, each)
        self._stored: dict[str, deque[Answered]] = {}
        """What stores answered, each time they were asked: the answers may differ."""
        self.missing: list[DnsQuestion | Exchange | StoreQuestion] = []
        """Questions of this scan that the recording has no answer to, in their order."""

    def clock(self) -> float:
        """The time of the recorded scan."""
        return self._now

    def begin(self, scan: RecordedScan) -> None:
        """The next scan is this one, in the running event loop."""
        self._began = asyncio.get_running_loop().time()
        self._now = scan.now
        self._answers = {}
        self._stored = {}
        for each in _in_order(scan.answers):
            if isinstance(each.answer, RecordedAnswer):
                self._stored.setdefault(each.answer.key, deque()).append(each)
            else:
                self._answers[each.asked] = each
        self.missing = []

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        """Answer as was recorded; what is missing is noted and answered TEMPFAIL."""
        known = self._answers.get(question) or self._others.get(question)
        if known is None or not isinstance(known.answer, DnsAnswer):
            self.missing.append(question)
            done(DnsAnswer(question, DnsStatus.TEMPFAIL, detail="not in the recording"))
        else:
            self._tell(known, done, known.answer)

    def exchange(self, question: Exchange, done: Callable[[Reply], None]) -> None:
        """Reply as was recorded; what is missing is noted and fails."""
        known = self._answers.get(question.key) or self._others.get(question.key)
        if known is None or not isinstance(known.answer, RecordedReply):
            self.missing.append(question)
            detail = "not in the recording"
            done(Reply(question, ExchangeStatus.UNKNOWN, detail=detail))
        else:
            self._tell(known, done, Reply(question, *known.answer[1:]))

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None]) -> None:
        """Answer as was recorded, asked again as it was answered again; what is missing fails."""
        key = question.key
        answers = self._stored.get(key)
        known = answers[0] if answers else self._others.get(key)
        if answers and len(answers) > 1:
            answers.popleft()
        if known is None or not isinstance(known.answer, RecordedAnswer):
            self.missing.append(question)
            done(StoreAnswer(question, StoreStatus.UNKNOWN, detail="not in the recording"))
        else:
            self._tell(known, done, StoreAnswer(question, *known.answer[1:]))

    def _tell(self, known: Answered, done: Callable[[A], None], answer: A) -> None:
        if known.after is None:
            done(answer)
        elif known.after < math.inf:
            asyncio.get_running_loop().call_at(self._began + known.after, done, answer)


def _in_order(answers: Iterable[Answered]) -> Iterable[Answered]:
    """The answers with times that differ."""
    last = 0.0
    for each in answers:
        if each.after is None or each.after == math.inf:
            yield each
        else:
            last = max(each.after, last + _STEP)
            yield Answered(each.answer, last)


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: where a loop would wait, its time goes on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.now += max(timeout, 0.0)
        return found


class ReplayLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is left to do: work costs none of it."""

    def __init__(self) -> None:
        self._moments = _Selector()
        super().__init__(self._moments)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._moments.now
