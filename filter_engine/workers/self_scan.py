"""Scanning in the process itself, counted."""

from __future__ import annotations

import asyncio

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Verdict
from filter_engine.workers.service import Context
from filter_engine.workers.statistics import Counter

MARGIN = 10.0
"""Seconds a scan may take beyond its own deadline before it is given up."""


@frozen
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

    async def scan(self, raw: bytes, envelope: Envelope) -> Judged:
        """The verdict on one message; whatever the scanner raises is counted and raised."""
        try:
            async with asyncio.timeout(self._limit):
                verdict = await self._scanner.scan(raw, envelope, task_timeout=self._task_timeout)
        except Exception:
            self._row.add(Counter.SCAN_ERRORS)
            raise
        if "no_stat" not in envelope.flags:
            self._row.record(verdict, len(raw))
            if self._hits is not None:
                self._hits.add(verdict.symbols)
        return Judged(verdict, "self")
