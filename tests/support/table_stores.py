"""Stores in memory: answers at once and without files, for tests and conformance suites."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from filter_engine.scan.store import Store, StoreAnswer, StoreQuestion, StoreStatus
from filter_engine.store.embedded.database import Database


class TableStores:
    """Answers every question from memory, whatever store it is for; one memory for each name.

    Stores in ``failing`` do not answer. ``asked`` lists every question in order.
    """

    def __init__(
        self, *, failing: Collection[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._bases: dict[str, Database] = {}
        self._clock = clock
        self.failing = failing
        self.asked: list[StoreQuestion] = []

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None]) -> None:
        """Answer at once."""
        done(self.answer(question))

    def answer(self, question: StoreQuestion) -> StoreAnswer:
        """The answer to one question."""
        self.asked.append(question)
        if question.store.name in self.failing:
            return StoreAnswer(question, StoreStatus.UNREACHABLE, detail="away")
        base = self.base(question.store)
        base.begin(writes=question.writes, now=self._clock())
        try:
            value = base.answer(question)
        finally:
            base.end()
        return StoreAnswer(question, StoreStatus.OK, value, "memory")

    def base(self, store: Store) -> Database:
        """The memory behind a store."""
        base = self._bases.get(store.name)
        if base is None:
            base = self._bases[store.name] = Database(":memory:")
        return base
