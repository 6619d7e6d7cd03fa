"""The embedded store of a worker: a thread of its own carries out all questions that wait."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Final

from filter_engine.scan.store import Place, StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.store.embedded.database import Database

log = logging.getLogger(__name__)

Answered = Callable[[StoreAnswer], None]

MAX_WAITING: Final = 10_000
"""Questions without an answer; more fail at once."""
_AT_ONCE: Final = 200
"""Questions in one transaction, which others wait for."""


class EmbeddedClient:
    """Carries the questions to one file out; the event loop never waits for the disk."""

    def __init__(self, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        self._place = place
        self._loop = loop
        self._base: Database | None = None
        self._nothing: Database | None = None
        self._thread = ThreadPoolExecutor(1, "store")
        self._waiting: list[tuple[StoreQuestion, Answered]] = []
        self._busy = False
        self._closed = False

    def ask(self, question: StoreQuestion, done: Answered) -> None:
        """Carry a question out; ``done`` is called once, and nothing raises."""
        if self._closed or len(self._waiting) >= MAX_WAITING:
            detail = "closed" if self._closed else "too many questions wait"
            done(StoreAnswer(question, StoreStatus.UNREACHABLE, None, self._place.path, detail))
            return
        if self._base is None and not question.writes and not self._busy and not self._exists():
            # Nothing was ever written: no thread, and no file.
            done(self._of_nothing(question))
            return
        self._waiting.append((question, done))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._start, context=Context())  # of many messages

    def _exists(self) -> bool:
        return self._place.path == ":memory:" or os.path.exists(self._place.path)  # fast

    def _of_nothing(self, question: StoreQuestion) -> StoreAnswer:
        if self._nothing is None:
            self._nothing = Database(":memory:")
        try:
            return self._together(self._nothing, [question])[0]
        except Exception as error:
            return self._unexpected(question, error)

    def close(self) -> None:
        """End; what is open fails."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for question, done in waiting:
            done(StoreAnswer(question, StoreStatus.LOST, None, self._place.path, "closed"))
        self._thread.submit(self._end)
        self._thread.shutdown(wait=True)

    def _end(self) -> None:
        if self._base is not None:
            self._base.close()

    def _start(self) -> None:
        if self._closed or not self._waiting:
            self._busy = False
            return
        some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        work = self._loop.run_in_executor(self._thread, self._answers, [q for q, _ in some])

        def ready(done: asyncio.Future[list[StoreAnswer]]) -> None:
            answers = done.result()
            self._busy = bool(self._waiting)
            if self._busy:
                self._loop.call_soon(self._start)
            for (_, tell), answer in zip(some, answers, strict=True):
                tell(answer)

        work.add_done_callback(ready)

    def _answers(self, questions: list[StoreQuestion]) -> list[StoreAnswer]:
        """In the thread: all in one transaction; one that fails does so alone, once more.

        Raises nothing: who waits for the answers would wait for ever.
        """
        try:
            if self._base is None:
                self._base = Database(self._place.path, self._place.timeout)
        except (sqlite3.Error, OSError) as error:
            return [self._failed(question, error) for question in questions]
        try:
            return self._together(self._base, questions)
        except (sqlite3.Error, ValueError, IndexError) as error:
            if _is_locked(error) and any(question.writes for question in questions):
                return self._beside_a_lock(questions, error)
            if len(questions) == 1:
                return [self._failed(questions[0], error)]
        except Exception as error:
            if len(questions) == 1:
                return [self._unexpected(questions[0], error)]
        return [answer for question in questions for answer in self._answers([question])]

    def _beside_a_lock(self, questions: list[StoreQuestion], error: Exception) -> list[StoreAnswer]:
        """Somebody else writes: all writes have waited for it together, and reads need not."""
        reads = [question for question in questions if not question.writes]
        read = iter(self._answers(reads) if reads else ())
        return [self._failed(one, error) if one.writes else next(read) for one in questions]

    def _together(self, base: Database, questions: list[StoreQuestion]) -> list[StoreAnswer]:
        good = False
        try:
            base.begin(writes=any(question.writes for question in questions), now=time.time())
            path = self._place.path
            answers = [
                StoreAnswer(question, StoreStatus.OK, base.answer(question), path)
                for question in questions
            ]
            good = True
        finally:
            base.end(good=good)
        return answers

    def _unexpected(self, question: StoreQuestion, error: Exception) -> StoreAnswer:
        log.exception("the store %s cannot do: %s", self._place.path, question)
        return self._failed(question, error)

    def _failed(self, question: StoreQuestion, error: Exception) -> StoreAnswer:
        status = StoreStatus.ERROR
        if _is_locked(error):
            status = StoreStatus.UNREACHABLE  # nothing of it was written
        # The text of an OSError names the file once more.
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        return StoreAnswer(question, status, None, self._place.path, why[:200])


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
