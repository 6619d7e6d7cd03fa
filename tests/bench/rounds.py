"""The measurement: paired rounds, each engine after the other on the same core."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from . import figures
from .engines import Engine, Ours
from .load import drive
from .processes import Zone
from .stages import Samples, read
from .zone import FLEETING, KEPT

CONCURRENCIES = (8, 1, 32)
"""The first is the one that ratios are stated for."""
WARM_UP = 500


@dataclass(frozen=True)
class Run:
    """One pass over the messages. Seconds and bytes."""

    engine: str
    concurrency: int
    messages: int
    failed: int
    cpu: float
    """CPU seconds of the worker a message."""
    rate: float
    """Messages a second."""
    p50: float
    p99: float
    questions: float
    """DNS questions a message."""
    rss: int
    pss: int
    answers: str = KEPT
    """Whether DNS answers could be kept within the pass (`zone.KEPT`) or not."""


@dataclass
class Result:
    """Everything that was measured."""

    when: str
    machine: str
    messages: int
    redis: bool
    runs: list[Run] = field(default_factory=list)
    starts: dict[str, dict[str, float]] = field(default_factory=dict)
    """Engine -> "cold" and "cached" -> seconds until the first answer."""
    stages: dict[str, float] = field(default_factory=dict)
    """Stage of this engine -> CPU seconds a message."""

    @property
    def engines(self) -> list[str]:
        """Names, ours first."""
        return list(dict.fromkeys(run.engine for run in sorted(self.runs, key=_ours_first)))

    @property
    def concurrencies(self) -> list[int]:
        """Those that were measured, the one that ratios are stated for first."""
        return list(dict.fromkeys(run.concurrency for run in self.runs))

    def of(self, engine: str, concurrency: int, answers: str = KEPT) -> list[Run]:
        """The runs of one engine at one concurrency, one a round."""
        wanted = engine, concurrency, answers
        return [r for r in self.runs if (r.engine, r.concurrency, r.answers) == wanted]

    def middle(self, engine: str, concurrency: int, figure: str) -> float:
        """The median of a figure over the rounds."""
        return median(getattr(run, figure) for run in self.of(engine, concurrency))

    def ratio(
        self, other: str, figure: str, concurrency: int, answers: str = KEPT
    ) -> tuple[float, float, float]:
        """Ours by the other's in the same round: min, median, max."""
        ours, theirs = (self.of(name, concurrency, answers) for name in (Ours.name, other))
        pairs = zip(ours, theirs, strict=True)
        ratios = sorted(getattr(a, figure) / getattr(b, figure) for a, b in pairs)
        return ratios[0], median(ratios), ratios[-1]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _ours_first(run: Run) -> bool:
    return run.engine != Ours.name


def start_times(engines: Sequence[Engine], starts: int) -> dict[str, dict[str, float]]:
    """Start each engine once without what it keeps on disk and ``starts`` times with it."""
    found = {}
    for engine in engines:
        cold = engine.start(cold=True)
        engine.settle()
        engine.stop()
        cached = []
        for _ in range(starts):
            cached.append(engine.start())
            engine.stop()
        found[engine.name] = {"cold": cold, "cached": median(cached)}
    return found


def paired(
    engines: Sequence[Engine],
    zone: Zone,
    requests: Sequence[bytes],
    rounds: int,
    concurrencies: Sequence[int],
    result: Result,
) -> None:
    """Start the engines and fill ``result.runs``; who begins changes from round to round.

    The first concurrency is measured once more with a zone of which no answer may be kept.
    """
    passes = [(concurrency, KEPT) for concurrency in concurrencies]
    passes.insert(1, (concurrencies[0], FLEETING))
    for engine in engines:
        engine.start()
        engine.settle()
    for number in range(rounds):
        for concurrency, answers in passes:
            turn = engines if number % 2 == 0 else engines[::-1]
            for engine in turn:
                result.runs.append(one(engine, zone, requests, concurrency, answers))


def warm_up(engine: Engine, requests: Sequence[bytes]) -> None:
    """Some messages that are not measured; ends the program when none is answered."""
    load = asyncio.run(drive(engine.port, requests[:WARM_UP], 8))
    if load.failed == len(load.latencies):
        raise SystemExit(f"{engine.name} answers no message")


def one(
    engine: Engine, zone: Zone, requests: Sequence[bytes], concurrency: int, answers: str
) -> Run:
    """One pass over the messages; no engine knows an answer of DNS when it begins."""
    zone.questions(FLEETING)
    engine.forget()
    warm_up(engine, requests)
    asked, cpu = zone.questions(answers), figures.cpu_seconds(engine.worker)
    load = asyncio.run(drive(engine.port, requests, concurrency))
    cpu = figures.cpu_seconds(engine.worker) - cpu
    asked = zone.questions() - asked
    size = figures.memory(engine.worker)
    count = len(requests)
    return Run(
        engine=engine.name,
        concurrency=concurrency,
        messages=count,
        failed=load.failed,
        cpu=cpu / count,
        rate=count / load.seconds,
        p50=load.quantile(0.5),
        p99=load.quantile(0.99),
        questions=asked / count,
        rss=size.rss,
        pss=size.pss,
        answers=answers,
    )


def sampled(engine: Ours, zone: Zone, requests: Sequence[bytes], file: Path) -> Samples:
    """One pass with a worker that notes where its time goes; ``file`` gets its stacks."""
    engine.samples = file
    zone.questions(FLEETING)
    engine.start()
    warm_up(engine, requests)
    zone.questions(KEPT)
    os.kill(engine.worker, signal.SIGUSR1)
    asyncio.run(drive(engine.port, requests, 8))
    engine.stop()
    engine.samples = None
    return read(file)


def now() -> str:
    """The time of the measurement, as people write it."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def machine() -> str:
    """The processor and the number of cores."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    else:
        model = os.uname().machine
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}"
