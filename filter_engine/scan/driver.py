"""Runs the checks that ask questions: one driver a task and stage, no event loop of its own.

The driver starts every asking check at once, so that their questions leave together, and resumes
each with its answer. A transport brings DNS answers, and the replies to exchanges where it can, at
once (a table, a recording) or later (sockets).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import copy_context
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
from filter_engine.scan.store import StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.scan.task import Task

Answered = Callable[[Any], None]
AskAll = Callable[
    [Sequence[DnsQuestion], Callable[[DnsAnswer], None]], Mapping[DnsQuestion, DnsAnswer]
]
"""``ask`` for many questions: gives back the answers that are known at once, and calls ``done`` for
each other question once for each time it stands there, not before it has returned."""
Asked = DnsQuestion | Exchange | StoreQuestion
"""A question that leaves the engine."""


class _Gathering:
    """The answers to an ``All``, filled in as they come."""

    __slots__ = ("answers", "missing")

    def __init__(self, answers: list[Any], missing: int) -> None:
        self.answers = answers
        self.missing = missing


Waiter = tuple[_Gathering | None, int, Answered]
"""Who waits for an answer: a place in a gathering and who waits for all of it, or a callback."""


class Transport(Protocol):
    """Whatever can answer a DNS question. One that is also ``Exchanges`` carries exchanges out, one
    that is ``Stores`` questions to stores.

    One that has a method ``flush`` may keep questions until it is called, so that they leave
    together. One that has ``ask_all`` (see ``AskAll``) is asked many questions at once.
    """

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None:
        """Answer by calling ``done`` exactly once, now or later, and never raise.

        The answer's ``question`` is the one that was asked.
        """


class Sink(Protocol):
    """Who is told how a check ended."""

    def finished(self, check: Check, returned: Returned) -> object:
        """The check returned; gives back the value other checks may ask for."""

    def failed(self, check: Check, error: Exception) -> None:
        """The check raised: it alone is lost."""


class Driver:
    """Drives the asking checks of one stage of one task to their end.

    ``expected`` names the plain checks of the stage, which may be waited for; say ``plain_done``
    for each that is in ``awaited`` when it ends, and ``plain_over`` after the last.
    """

    def __init__(
        self, task: Task, transport: Transport, sink: Sink, expected: Iterable[str] = ()
    ) -> None:
        self._task = task
        self._transport = transport
        self._ask_all: AskAll | None = getattr(transport, "ask_all", None)
        self._sink = sink
        self._plain = set(expected)
        self._running: dict[str, tuple[Check, Coroutine[Question[Any], Any, Returned]]] = {}
        self._ready: deque[tuple[str, Any]] = deque()
        self._draining = False
        self._expired = False
        # A message asks some forty questions: each is an entry here and a place in a gathering.
        self._open: dict[Asked, list[Waiter]] = {}
        self._known: dict[Any, DnsAnswer | Reply | StoreAnswer] = {}
        task.answered.append(self._known)
        # Answers come by connections that messages share: the checks go on in their own context,
        # with the tag of their log lines and what is left of their time for patterns.
        self._context = copy_context()
        self.awaited: dict[str, list[Answered]] = {}
        """Name of a check -> who waits for its result."""
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
        outermost, self._draining = not self._draining, True
        self._tell(name)
        if outermost:
            self._drain()

    def plain_over(self) -> None:
        """All plain checks of this stage have ended."""
        self._plain.clear()
        if not self.awaited:
            return  # for nearly all
        outermost, self._draining = not self._draining, True
        for name in tuple(self.awaited):
            if name not in self._running:
                self._tell(name)
        if outermost:
            self._drain()

    def expire(self) -> None:
        """The deadline has come: every open and further question is answered as failed.

        The checks therefore end in order, with their temporary-failure symbols.
        """
        self._expired = True
        for question in tuple(self._open):
            self._answered(_timeout(question))
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
            if self._open or self._plain or not self.awaited:
                break
            # Only checks that wait for each other are left: none will ever be answered.
            _, waiting = self.awaited.popitem()
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
        if name in self.awaited:
            self._tell(name)

    def _tell(self, name: str) -> None:
        for done in self.awaited.pop(name, ()):
            done(self._task.results.get(name))

    def _put(self, question: Question[Any], done: Answered) -> None:
        kind = type(question)
        if kind is All:
            self._put_all(question, done)  # type: ignore[arg-type]
        elif kind is ResultOf:
            name: str = question.check  # type: ignore[attr-defined]
            if name in self._running or name in self._plain:
                self.awaited.setdefault(name, []).append(done)
            else:
                done(self._task.results.get(name))
        elif kind is DnsQuestion or isinstance(question, Exchange | StoreQuestion):
            self._put_world(question, (None, 0, done))  # type: ignore[arg-type]
        else:
            raise TypeError(f"a check awaited {question!r}, which is not a question")

    def _put_all(self, question: All, done: Answered) -> None:
        questions = question.questions
        if not questions:
            done(())
            return
        opened, known = self._open, self._known
        if self._ask_all is not None and not self._expired:
            # Most answers are known at once: nobody has to wait for them.
            new = [part for part in questions if type(part) is DnsQuestion]
            if not (known.keys().isdisjoint(new) and opened.keys().isdisjoint(new)):
                new = [part for part in new if part not in known and part not in opened]
            if new:
                known.update(self._ask_all(new, self._answered))
        answers: list[Any] = list(map(known.get, questions))
        missing = answers.count(None)
        if not missing:
            done(tuple(answers))
            return
        gathering = _Gathering(answers, missing)
        for index, answer in enumerate(answers):
            if answer is not None:
                continue
            part = questions[index]
            waiter = gathering, index, done
            if type(part) is not DnsQuestion or self._expired:
                self._put(part, partial(_fill, waiter))
            elif part in opened:
                opened[part].append(waiter)
            else:
                opened[part] = [waiter]
                if self._ask_all is None:
                    self._transport.ask(part, self._answered)

    def _put_world(self, question: Asked, waiter: Waiter) -> None:
        waiting = self._open.get(question)
        if waiting is not None:
            waiting.append(waiter)
            return
        known = self._known.get(question)
        if known is None and self._expired:
            known = _timeout(question)
        if known is not None:
            _fill(waiter, known)
            return
        self._open[question] = [waiter]
        if isinstance(question, DnsQuestion):
            self._transport.ask(question, self._answered)
        elif isinstance(question, StoreQuestion):
            # Looked for by name: asking ``isinstance`` of a protocol costs more than the question.
            store: Callable[..., None] | None = getattr(self._transport, "store", None)
            if store is not None:
                store(question, self._answered)
            else:
                self._answered(StoreAnswer(question, StoreStatus.UNKNOWN, detail="no store here"))
        elif isinstance(self._transport, Exchanges):
            self._transport.exchange(question, self._answered)
        else:
            detail = "this transport has no connections"
            self._answered(Reply(question, ExchangeStatus.UNKNOWN, detail=detail))

    def _answered(self, answer: DnsAnswer | Reply | StoreAnswer) -> None:
        question = answer.question
        waiting = self._open.pop(question, None)
        if waiting is None:
            return  # an answer after the deadline
        if type(answer) is StoreAnswer and answer.lost:
            self._task.lost_stores[answer.question.store.name] = answer.evidence
        self._known[question] = answer
        # All who wait are told before any goes on: until then, who waits for one of them is not
        # waiting in vain.
        outermost, self._draining = not self._draining, True
        for waiter in waiting:
            gathering = waiter[0]
            if gathering is None or gathering.missing == 1:
                _fill(waiter, answer)
            else:  # nearly all
                gathering.answers[waiter[1]] = answer
                gathering.missing -= 1
        if outermost:
            if self._ready or not self._open:
                self._context.run(self._drain)
            else:
                self._draining = False


def _fill(waiter: Waiter, answer: Any) -> None:
    gathering, index, done = waiter
    if gathering is None:
        done(answer)
        return
    gathering.answers[index] = answer
    gathering.missing -= 1
    if not gathering.missing:
        done(tuple(gathering.answers))


def _timeout(question: Asked) -> DnsAnswer | Reply | StoreAnswer:
    detail = "the task's deadline passed"
    if isinstance(question, StoreQuestion):
        return StoreAnswer(question, StoreStatus.TIMEOUT, detail=detail)
    if isinstance(question, Exchange):
        return Reply(question, ExchangeStatus.TIMEOUT, detail=detail)
    return DnsAnswer(question, DnsStatus.TEMPFAIL, detail=detail)
