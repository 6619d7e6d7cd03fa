"""Counters of what went wrong in one scanning process; the workers count the rest."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Final

from filter_engine.lazy_dataclass import mutable

STAGE_TIMES: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0)
"""Seconds that divide the times of a stage into classes."""


class Durations:
    """How many took no longer than each of some limits, and their sum."""

    __slots__ = ("counts", "limits", "seconds")

    def __init__(self, limits: Sequence[float]) -> None:
        """``limits``: seconds, growing."""
        self.limits = limits
        self.counts = [0] * (len(limits) + 1)
        """Of each class; the last is beyond all limits."""
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.limits, seconds)] += 1
        self.seconds += seconds


@mutable
class ScanStatistics:
    """Faults of this process's scans since it began."""

    timeouts: int = 0
    """Scans that reached the task's deadline."""
    check_errors: Counter[str] = field(default_factory=Counter)
    """Check name -> exceptions."""
    stages: dict[int, Durations] = field(default_factory=dict)
    """Stage -> what its checks took, waiting included."""

    def took(self, stage: int, seconds: float) -> None:
        """Count one stage of one message."""
        known = self.stages.get(stage)
        if known is None:
            known = self.stages[stage] = Durations(STAGE_TIMES)
        known.add(seconds)
