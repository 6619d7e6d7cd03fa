"""Messages a second by action, over a day, a week, a month and a year.

The shared counters are looked at once a minute. The series are kept in a file in DBDIR, so that
they outlive a restart.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from filter_engine.scan.verdict import Action
from filter_engine.workers.statistics import ACTION_COUNTERS, Statistics

log = logging.getLogger(__name__)

SAMPLE: Final = 60.0
"""Seconds between two looks at the counters."""
STEPS: Final = {"day": 180, "week": 1200, "month": 5400, "year": 64_800}
"""Graph -> seconds of one of its values."""
VALUES: Final = 500
"""Values of a graph."""
FILE: Final = "throughput.json"
_LARGEST: Final = 4 * 1024 * 1024
SHOWN: Final = (
    Action.REJECT,
    Action.SOFT_REJECT,
    Action.REWRITE_SUBJECT,
    Action.ADD_HEADER,
    Action.GREYLIST,
    Action.NO_ACTION,
)
"""Actions that ``/stat``, ``/actions`` and graphs list, in the order of the WebUI's legend."""
_Slot = tuple[int, list[int]]
"""Number of the slot since the epoch, counts by action."""


class Throughput:
    """The series; ``file`` None keeps them in memory alone. One process ``writes`` the file."""

    def __init__(self, statistics: Statistics, file: Path | None, *, writes: bool = True) -> None:
        self._statistics = statistics
        self._file = file
        self._writes = writes
        self._slots: dict[str, deque[_Slot]] = {name: deque(maxlen=VALUES) for name in STEPS}
        self._last = [0] * len(SHOWN)
        self._task: asyncio.Task[None] | None = None
        self._load()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sample from now on."""
        self._task = loop.create_task(self._run())

    def stop(self) -> None:
        """Sample no more; what was counted meanwhile is the next one's, who reads the file."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE)
            self.sample(time.time())
            await asyncio.to_thread(self._save, self._said())

    def sample(self, now: float) -> None:
        """Put what was scanned since the last look where it belongs; ``now``: unix time."""
        totals = self._statistics.totals()
        counts = [totals[ACTION_COUNTERS[action]] for action in SHOWN]
        # After a reset the counters begin anew.
        new = [n if n < old else n - old for n, old in zip(counts, self._last, strict=True)]
        self._last = counts
        for name, step in STEPS.items():
            slots, number = self._slots[name], int(now) // step
            if slots and slots[-1][0] >= number:
                slots[-1] = slots[-1][0], [a + b for a, b in zip(slots[-1][1], new, strict=True)]
            else:
                slots.append((number, list(new)))

    def series(self, name: str, now: float | None = None) -> list[list[dict[str, float | None]]]:
        """For each action the points of a graph: unix time, messages a second or None."""
        at = time.time() if now is None else now
        self.sample(at)  # the last point is that of now
        step = STEPS[name]
        known = dict(self._slots[name])
        last = int(at) // step
        numbers = range(last - VALUES + 1, last + 1)
        return [
            [
                {"x": number * step, "y": known[number][i] / step if number in known else None}
                for number in numbers
            ]
            for i in range(len(SHOWN))
        ]

    def _said(self) -> bytes:
        return orjson.dumps(
            {
                "started": self._statistics.started,
                "last": self._last,
                "slots": {name: list(slots) for name, slots in self._slots.items()},
            }
        )

    def _save(self, content: bytes) -> None:
        if self._file is None or not self._writes:
            return
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            temporary.write_bytes(content)
            temporary.replace(self._file)
        except OSError as error:
            log.info("the throughput is not kept: %s: %s", self._file, error.strerror)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _load(self) -> None:
        """What the file has; one that cannot be used is left out."""
        if self._file is None:
            return
        try:
            if self._file.stat().st_size > _LARGEST:
                return
            said: Any = orjson.loads(self._file.read_bytes())
            for name, slots in self._slots.items():
                slots.extend(_slot(entry) for entry in said["slots"].get(name, ()))
            if said["started"] == self._statistics.started:
                self._last = _numbers(said["last"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be used: %s", self._file, error)
            for slots in self._slots.values():
                slots.clear()


def _slot(entry: Any) -> _Slot:
    number, counts = entry
    return int(number), _numbers(counts)


def _numbers(counts: Any) -> list[int]:
    found = [int(count) for count in counts]
    if len(found) != len(SHOWN):
        raise ValueError("a row of another length")
    return found


def file_in(variables: Mapping[str, str]) -> Path | None:
    """Where the series are kept: in DBDIR."""
    directory = variables.get("DBDIR")
    return Path(directory, FILE) if directory else None
