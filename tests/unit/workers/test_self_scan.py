"""A scan that does not end is given up, and counted; others go on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.workers import self_scan
from filter_engine.workers.self_scan import SelfScan
from filter_engine.workers.statistics import Counter


class Row:
    """Counters."""

    def __init__(self) -> None:
        self.counted: list[Counter] = []

    def add(self, counter: Counter) -> None:
        self.counted.append(counter)

    def record(self, _verdict: Verdict, _size: int) -> None:
        """A verdict was given."""


class Endless:
    """Answers nothing but ``quick``."""

    async def scan(self, raw: bytes, _envelope: Envelope, *, task_timeout: float | None) -> Verdict:
        if raw != b"quick":
            await asyncio.Event().wait()
        return Verdict(Action.NO_ACTION, 0.0, 15.0)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_scan, "MARGIN", 0.02)
    row = Row()
    context: Any = SimpleNamespace(
        scanner=Endless(),
        row=row,
        hits=None,
        config=SimpleNamespace(options=SimpleNamespace(task_timeout=0.01)),
    )

    async def run() -> list[Any]:
        scans = SelfScan(context)
        asked = (scans.scan(raw, Envelope()) for raw in (b"slow", b"quick", b"slow"))
        first = await asyncio.gather(*asked, return_exceptions=True)
        with pytest.raises(TimeoutError):  # the timer is set again
            await scans.scan(b"slow", Envelope())
        cancelled = asyncio.create_task(scans.scan(b"slow", Envelope()))
        await asyncio.sleep(0)
        cancelled.cancel()  # by the connection, say: no timeout
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        return first

    slow, quick, other = asyncio.run(run())
    assert isinstance(slow, TimeoutError)
    assert isinstance(other, TimeoutError)
    assert quick.verdict.action is Action.NO_ACTION
    assert row.counted == [Counter.SCAN_ERRORS] * 3
