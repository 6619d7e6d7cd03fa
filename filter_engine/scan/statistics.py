"""Counters of one scanning process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from filter_engine.scan.verdict import Verdict


@dataclass(slots=True)
class ScanStatistics:
    """What this process has scanned since it began."""

    scanned: int = 0
    bytes: int = 0
    timeouts: int = 0
    """Scans that reached the task's deadline."""
    seconds: float = 0.0
    """Time from request to verdict, summed."""
    actions: Counter[str] = field(default_factory=Counter)
    """Action name -> verdicts."""
    check_errors: Counter[str] = field(default_factory=Counter)
    """Check name -> exceptions."""

    def record(self, verdict: Verdict, size: int) -> None:
        """Count one verdict on a message of ``size`` bytes."""
        self.scanned += 1
        self.bytes += size
        self.seconds += verdict.time_real
        self.timeouts += bool(verdict.timed_out)
        self.actions[verdict.action.value] += 1
