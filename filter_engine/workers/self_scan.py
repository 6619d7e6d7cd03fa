"""Scanning in the process itself, counted."""

from __future__ import annotations

import asyncio
from typing import Any

from filter_engine.lazy_dataclass import settled
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import Counter

MARGIN = 10.0
"""Seconds a scan may take beyond its own deadline before it is given up."""


@settled
class Judged:
    """A verdict and who gave it."""

    verdict: Verdict
    scanner: str


class SelfScan:
    """Scans with the process's own scanner."""

    def __init__(self, context: Context, task_timeout: float | None = None) -> None:
        """``task_timeout``: seconds, None for the configured one."""
        self._scanner = context.scanner
        self._row = context.row
        self._hits = None if context.hits is None else context.hits.row(context.number)
        self._task_timeout = task_timeout
        deadline = context.config.options.task_timeout if task_timeout is None else task_timeout
        self._limit = deadline + MARGIN
        # One timer for all: ``asyncio.timeout`` costs several times what follows here.
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def scan(self, raw: bytes, envelope: Envelope) -> Judged:
        """The verdict on one message; whatever the scanner raises is counted and raised."""
        try:
            verdict = await self._in_time(raw, envelope)
        except Exception:
            self._row.add(Counter.SCAN_ERRORS)
            raise
        if "no_stat" not in envelope.flags:
            self._row.record(verdict, len(raw))
            if self._hits is not None:
                self._hits.add(verdict.symbols)
        return Judged(verdict, "self")

    async def _in_time(self, raw: bytes, envelope: Envelope) -> Verdict:
        """The verdict; raises TimeoutError once the scan is given up."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._ends[task] = loop.time() + self._limit
        if self._timer is None:
            self._timer = loop.call_later(self._limit, self._look, loop)
        try:
            return await self._scanner.scan(raw, envelope, task_timeout=self._task_timeout)
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() <= 0:
                raise TimeoutError(f"no verdict in {self._limit:g} s") from None
            raise
        finally:
            del self._ends[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up what has taken too long; all may take equally long, so the first is the next."""
        self._timer = None
        now = loop.time()
        for task, end in self._ends.items():
            if end > now:
                self._timer = loop.call_at(end, self._look, loop)
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
