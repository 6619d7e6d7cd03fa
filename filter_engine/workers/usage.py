"""What a process takes of the host: memory, processor time, how long it runs (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from filter_engine.lazy_dataclass import frozen

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME, _STARTED = 11, 12, 19
"""Fields 14, 15 and 22 of ``/proc/PID/stat``, counted from behind the name."""


@frozen
class Usage:
    """One process. None: the host does not tell."""

    uptime: float | None = None
    """Seconds."""
    cpu: float | None = None
    """Seconds of processor time."""
    pss: int | None = None
    """Octets of memory; what several processes share is divided between them."""

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        return {"uptime": self.uptime, "cpu": self.cpu, "pss": self.pss}


def usage_of(pid: int, proc: Path = Path("/proc")) -> Usage:
    """The usage of a process; all None when it is gone."""
    fields: list[str] = []
    since_boot = 0.0
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="latin-1")
        fields = stat.rpartition(")")[2].split()
        since_boot = float((proc / "uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        pass
    pss = _pss(proc / str(pid) / "smaps_rollup")
    if len(fields) <= _STARTED:
        return Usage(pss=pss)
    cpu = (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
    return Usage(max(since_boot - int(fields[_STARTED]) / _TICKS, 0.0), cpu, pss)


def _pss(path: Path) -> int | None:
    try:
        for line in path.read_text(encoding="latin-1").splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                return int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
