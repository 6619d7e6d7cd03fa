"""Runs the checks that ask questions: one driver a task and stage, no event loop of its own.

The driver starts every asking check at once, so that their questions leave together, and resumes
each with its answer. A transport brings DNS answers, and the replies to exchanges where it can, at
once (a table, a recording) or later (sockets).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Protocol

from filter_engine.scan.declare import Check, Returned
from filter_engine.scan.exchange import Exchange, Exchanges, ExchangeStatus, Reply
from filter_engine.scan.question import (
    ASK,
    All,
    DnsAnswer,
    DnsQuestion,
    DnsStatus,
    Question,
    ResultOf,
)
from filter_engine.scan.task import Task

Answered = Callable[[Any], None]


class Transport(Protocol):
    """Whatever can answer a DNS question. One that is also ``Exchanges`` carries exchanges out.

    One that has a method ``flush`` may keep questions until it is called, so that they leave
    together.
    """

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None:
        """Answer by calling ``done`` exactly once, now or later, and never raise."""


class Sink(Protocol):
    """Who is told how a check ended."""

    def finished(self, check: Check, returned: Returned) -> object:
        """The check returned; gives back the value other checks may ask for."""

    def failed(self, check: Check, error: Exception) -> None:
        """The check raised: it alone is lost."""


class Driver:
    """Drives the asking checks of one stage of one task to their end.

    ``expected`` names the plain checks of the stage, which may be waited for; say ``plain_done``
    for each.
    """

    def __init__(
        self, task: Task, transport: Transport, sink: Sink, expected: Iterable[str] = ()
    ) -> None:
        self._task = task
        self._transport = transport
        self._sink = sink
        self._plain = set(expected)
        self._running: dict[str, tuple[Check, Coroutine[Question[Any], Any, Returned]]] = {}
        self._ready: deque[tuple[str, Any]] = deque()
        self._draining = False
        self._expired = False
        self._open: dict[DnsQuestion | Exchange, list[Answered]] = {}
        self._known: dict[DnsQuestion | Exchange, DnsAnswer | Reply] = {}
        self._waiting: dict[str, list[Answered]] = {}
        self.when_idle: Callable[[], None] | None = None

    @property
    def idle(self) -> bool:
        """Every check has ended."""
        return not self._running

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Names of the checks still waiting for answers."""
        return tuple(self._running)

    def start(self, checks: Iterable[Check]) -> None:
        """Begin every check; their first questions leave before any answer is looked at."""
        self._draining = True
        for check in checks:
            run: Any = check.run  # of asking checks an AskingCheck; a cast costs more than it says
            self._running[check.name] = (check, run(self._task, ASK))
        for name in tuple(self._running):
            self._step(name, None)
        self._drain()
        flush = getattr(self._transport, "flush", None)
        if flush is not None:
            flush()

    def plain_done(self, name: str) -> None:
        """A plain check of this stage has ended; its value is in ``task.results``."""
        self._plain.discard(name)
        if not self._waiting:
            return  # for nearly all
        self._tell(name)
        if not self._draining:
            self._draining = True
            self._drain()

    def expire(self) -> None:
        """The deadline has come: every open and further question is answered as failed.

        The checks therefore end in order, with their temporary-failure symbols.
        """
        self._expired = True
        for question in tuple(self._open):
            self._answer(question, _timeout(question))
        for check, coroutine in tuple(self._running.values()):
            coroutine.close()
            del self._running[check.name]
            self._sink.failed(check, TimeoutError("still waiting at the task's deadline"))

    def _resume(self, name: str, answer: Any) -> None:
        self._ready.append((name, answer))
        if not self._draining:
            self._draining = True
            self._drain()

    def _drain(self) -> None:
        while True:
            while self._ready:
                self._step(*self._ready.popleft())
            if self._open or self._plain or not self._waiting:
                break
            # Only checks that wait for each other are left: none will ever be answered.
            _, waiting = self._waiting.popitem()
            for done in waiting:
                done(None)
        self._draining = False
        if not self._running and self.when_idle is not None:
            self.when_idle()

    def _step(self, name: str, answer: Any) -> None:
        entry = self._running.get(name)
        if entry is None:
            return
        check, coroutine = entry
        try:
            question = coroutine.send(answer)
            self._put(question, partial(self._resume, name))
        except StopIteration as stop:
            del self._running[name]
            self._task.results[name] = self._sink.finished(check, stop.value)
        except Exception as error:
            # One broken check must not cost the message; the sink counts and logs it.
            coroutine.close()
            del self._running[name]
            self._sink.failed(check, error)
        else:
            return
        self._tell(name)

    def _tell(self, name: str) -> None:
        for done in self._waiting.pop(name, ()):
            done(self._task.results.get(name))

    def _put(self, question: Question[Any], done: Answered) -> None:
        if isinstance(question, DnsQuestion):
            self._put_world(question, done)
        elif isinstance(question, All):
            self._put_all(question, done)
        elif isinstance(question, ResultOf):
            if question.check in self._running or question.check in self._plain:
                self._waiting.setdefault(question.check, []).append(done)
            else:
                done(self._task.results.get(question.check))
        elif isinstance(question, Exchange):
            self._put_world(question, done)
        else:
            raise TypeError(f"a check awaited {question!r}, which is not a question")

    def _put_world(self, question: DnsQuestion | Exchange, done: Answered) -> None:
        known = self._known.get(question)
        if known is not None:
            done(known)
        elif self._expired:
            done(_timeout(question))
        elif question in self._open:
            self._open[question].append(done)
        else:
            self._open[question] = [done]
            if isinstance(question, DnsQuestion):
                self._transport.ask(question, partial(self._answer, question))
            elif isinstance(self._transport, Exchanges):
                self._transport.exchange(question, partial(self._answer, question))
            else:
                detail = "this transport has no connections"
                self._answer(question, Reply(question, ExchangeStatus.UNKNOWN, detail=detail))

    def _put_all(self, question: All, done: Answered) -> None:
        answers: list[Any] = [None] * len(question.questions)
        missing = len(answers)
        if not missing:
            done(())
            return

        def fill(index: int, answer: Any) -> None:
            nonlocal missing
            answers[index] = answer
            missing -= 1
            if not missing:
                done(tuple(answers))

        for index, part in enumerate(question.questions):
            if type(part) is DnsQuestion:
                self._put_world(part, partial(fill, index))
            else:
                self._put(part, partial(fill, index))

    def _answer(self, question: DnsQuestion | Exchange, answer: DnsAnswer | Reply) -> None:
        waiting = self._open.pop(question, None)
        if waiting is None:
            return  # an answer after the deadline
        self._known[question] = answer
        for done in waiting:
            done(answer)


def _timeout(question: DnsQuestion | Exchange) -> DnsAnswer | Reply:
    detail = "the task's deadline passed"
    if isinstance(question, Exchange):
        return Reply(question, ExchangeStatus.TIMEOUT, detail=detail)
    return DnsAnswer(question, DnsStatus.TEMPFAIL, detail=detail)
