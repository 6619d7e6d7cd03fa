"""Counters of what went wrong in one scanning process; the workers count the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from filter_engine.lazy_dataclass import mutable


@mutable
class ScanStatistics:
    """Faults of this process's scans since it began."""

    timeouts: int = 0
    """Scans that reached the task's deadline."""
    check_errors: Counter[str] = field(default_factory=Counter)
    """Check name -> exceptions."""
