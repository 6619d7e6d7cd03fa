"""Runs one coroutine of questions over a table of zone data, without the engine's driver."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import All, DnsQuestion, Question

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T], table: TableResolver) -> T:
    """Run a coroutine to its end, its DNS questions answered from ``table``."""

    def answer(question: Question[Any]) -> Any:
        if isinstance(question, All):
            return tuple(map(answer, question.questions))
        assert isinstance(question, DnsQuestion)
        return table.answer(question)

    try:
        question = coroutine.send(None)
        while True:
            question = coroutine.send(answer(question))
    except StopIteration as stop:
        result: T = stop.value
        return result
