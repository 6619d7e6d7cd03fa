"""Counters that all worker processes share, in anonymous shared memory.

Made before the fork. Each process writes one row and only that row, so no lock is needed; a reader
adds the rows up. A row outlives its process: its successor goes on counting in it.
"""

from __future__ import annotations

import mmap
import time
from enum import IntEnum, auto

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.workers.board import Board

ROWS = 256
"""Processes that can be counted at once; further ones share the last row (counts may be lost)."""
RECENT = 31
"""Scan times kept of each process, as many as Rspamd's ``/stat`` shows."""


class Counter(IntEnum):
    """Columns of a row; each is a number that only grows, except ``STATES``."""

    ALIVE = 0
    """1 while a ready process owns the row."""
    SCANS = auto()
    """1 when the process scans messages itself."""
    HEARTBEAT = auto()
    """Seconds of the steady clock, which all processes of a machine share (CLOCK_MONOTONIC)."""
    HELD = auto()
    """Octets of messages the process has reserved room for."""
    SCANNED = auto()
    LEARNED = auto()
    HASHES_UNTAUGHT = auto()
    """Lessons that a storage of fuzzy hashes did not take."""
    BYTES = auto()
    SCAN_ERRORS = auto()
    """Scans that ended with an exception."""
    TIMEOUTS = auto()
    """Scans that reached their deadline."""
    UNFINISHED = auto()
    """Checks cut off by a deadline or an exception."""
    STORE_FAILURES = auto()
    """Stores that did not answer a message's checks."""
    OVERSIZE = auto()
    """Messages passed unscanned because of their size."""
    TEMPFAILED = auto()
    """Messages answered with a temporary failure for want of a result."""
    UPSTREAM_ERRORS = auto()
    PROTOCOL_ERRORS = auto()
    CONNECTIONS = auto()
    CONTROL_CONNECTIONS = auto()
    NO_ACTION = auto()
    GREYLIST = auto()
    ADD_HEADER = auto()
    REWRITE_SUBJECT = auto()
    SOFT_REJECT = auto()
    REJECT = auto()
    DISCARD = auto()
    QUARANTINE = auto()
    SCAN_TIME = auto()
    """Microseconds of all scans together."""
    WITHIN_10MS = auto()
    WITHIN_50MS = auto()
    WITHIN_100MS = auto()
    WITHIN_500MS = auto()
    WITHIN_1S = auto()
    WITHIN_5S = auto()
    BEYOND_5S = auto()


ACTION_COUNTERS = {action: Counter[action.name] for action in Action}
WITHIN = (
    (0.01, Counter.WITHIN_10MS),
    (0.05, Counter.WITHIN_50MS),
    (0.1, Counter.WITHIN_100MS),
    (0.5, Counter.WITHIN_500MS),
    (1.0, Counter.WITHIN_1S),
    (5.0, Counter.WITHIN_5S),
)
"""Seconds and the counter of scans that took no longer, but longer than the one before."""
STATES = frozenset({Counter.ALIVE, Counter.SCANS, Counter.HEARTBEAT, Counter.HELD})
"""Columns that describe the process now and are not added up."""

_COLUMNS = len(Counter)
_NOTE = 4096
"""Octets kept of why a reload was refused."""
_ROW_OCTETS = 8 * (_COLUMNS + 1 + 2 * RECENT)


class Row:
    """The counters of one process."""

    __slots__ = ("_floats", "_numbers")

    def __init__(self, memory: memoryview) -> None:
        self._numbers = memory.cast("Q")
        self._floats = memory.cast("d")

    def add(self, counter: Counter, amount: int = 1) -> None:
        """Count."""
        self._numbers[counter] += amount

    def set(self, counter: Counter, value: int) -> None:
        """Set one of ``STATES``."""
        self._numbers[counter] = value

    def get(self, counter: Counter) -> int:
        """The value of one column."""
        return self._numbers[counter]

    def record(self, verdict: Verdict, size: int) -> None:
        """Count a verdict on a message of ``size`` octets."""
        numbers = self._numbers
        numbers[Counter.SCANNED] += 1
        numbers[Counter.BYTES] += size
        numbers[ACTION_COUNTERS[verdict.action]] += 1
        if verdict.timed_out:
            numbers[Counter.TIMEOUTS] += 1
        if verdict.unfinished:
            numbers[Counter.UNFINISHED] += len(verdict.unfinished)
        if verdict.lost_stores:
            numbers[Counter.STORE_FAILURES] += len(verdict.lost_stores)
        seconds = verdict.time_real
        numbers[Counter.SCAN_TIME] += int(seconds * 1e6)
        for limit, column in WITHIN:
            if seconds <= limit:
                numbers[column] += 1
                break
        else:
            numbers[Counter.BEYOND_5S] += 1
        position = numbers[_COLUMNS]
        slot = _COLUMNS + 1 + 2 * (position % RECENT)
        self._floats[slot] = time.time()
        self._floats[slot + 1] = seconds
        numbers[_COLUMNS] = position + 1

    def recent(self) -> list[tuple[float, float]]:
        """``(unix time, seconds)`` of the last scans, unordered."""
        count = min(self._numbers[_COLUMNS], RECENT)
        first = _COLUMNS + 1
        return [
            (self._floats[first + 2 * i], self._floats[first + 2 * i + 1]) for i in range(count)
        ]


@frozen
class Totals:
    """All rows added up."""

    counts: dict[Counter, int]
    scan_times: tuple[float, ...]
    """Seconds, the last ``RECENT`` scans in order."""

    def __getitem__(self, counter: Counter) -> int:
        return self.counts[counter]


class Statistics:
    """The table: one row a process, and one for what ``statreset`` hid."""

    def __init__(self) -> None:
        self.started = time.time()
        self._memory = mmap.mmap(-1, _ROW_OCTETS * (ROWS + 1) + 32 + _NOTE)
        view = memoryview(self._memory)
        note = view[_ROW_OCTETS * (ROWS + 1) :]
        self._reloads = note[:32].cast("Q")
        self._note = note[32:]
        self._rows = [Row(view[i * _ROW_OCTETS : (i + 1) * _ROW_OCTETS]) for i in range(ROWS + 1)]
        self._taken: set[int] = set()
        self.errors = Board(ROWS + 1)
        """The last errors of each process, the supervisor's in the last slot."""
        self.numbers = Board(ROWS)
        """What each process counts beside its row (``published.py``)."""
        self.cards = Board(ROWS)
        """Who each process is (``cards.py``)."""

    def take(self) -> int:
        """Reserve a row for a process about to be forked (the supervisor's business)."""
        free = (number for number in range(ROWS) if number not in self._taken)
        number = next(free, ROWS - 1)
        self._taken.add(number)
        return number

    def give(self, number: int) -> None:
        """The process of that row is gone; its counts stay."""
        for state in STATES:
            self._rows[number].set(state, 0)
        self._taken.discard(number)

    def row(self, number: int) -> Row:
        """The row of that number."""
        return self._rows[number]

    def totals(self) -> Totals:
        """Everything counted since the start or the last ``reset``."""
        rows, hidden = self._rows[:ROWS], self._rows[ROWS]
        counts = {
            counter: sum(row.get(counter) for row in rows) - hidden.get(counter)
            for counter in Counter
            if counter not in STATES
        }
        recent = sorted(scan for row in rows for scan in row.recent())
        return Totals(counts, tuple(seconds for _, seconds in recent[-RECENT:]))

    def reset(self) -> Totals:
        """Count from zero again; returns what was counted until now."""
        totals = self.totals()
        hidden = self._rows[ROWS]
        for counter, count in totals.counts.items():
            hidden.add(counter, count)
        return totals

    def held(self) -> int:
        """Octets that all processes together have reserved, those that are ending included."""
        return sum(row.get(Counter.HELD) for row in self._rows[:ROWS])

    def reload_begins(self) -> None:
        """The files are about to be read anew (the supervisor's business)."""
        self._reloads[2] += 1

    def reloads_begun(self) -> int:
        """Attempts to reload that have begun; one that is asked for now is a later one."""
        return self._reloads[2]

    def ask_recompile(self) -> None:
        """The next reload shall compile all patterns anew (a controller's business)."""
        self._reloads[3] = 1

    def recompile_asked(self) -> bool:
        """Whether that was asked for since the last time (the supervisor's business)."""
        asked, self._reloads[3] = self._reloads[3], 0
        return bool(asked)

    def reloaded(self, error: str | None) -> None:
        """An attempt to reload has ended; None when it succeeded (the supervisor's business)."""
        octets = (error or "").encode("utf-8", "replace")[:_NOTE]
        self._reloads[1] = 0  # nobody shall read half of it
        self._note[: len(octets)] = octets
        self._reloads[1] = len(octets)
        self._reloads[0] += 1

    def reloads(self) -> int:
        """Attempts to reload that have ended, one way or the other."""
        return self._reloads[0]

    def reload_error(self) -> str | None:
        """Why the last attempt was refused; None when it was not."""
        length = self._reloads[1]
        return bytes(self._note[:length]).decode("utf-8", "replace") if length else None

    def in_use(self) -> list[int]:
        """Numbers of the rows whose process serves, or finishes what is under way."""
        return [n for n in range(ROWS) if self._rows[n].get(Counter.HEARTBEAT)]

    def alive(self) -> list[Row]:
        """Rows of the processes that are ready."""
        return [row for row in self._rows[:ROWS] if row.get(Counter.ALIVE)]
