from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from filter_engine.config.model import Config
from filter_engine.config.workers import ControllerConfig, NormalConfig, ProxyConfig, ScanUpstream
from filter_engine.scanner import Scanner
from filter_engine.workers.controller.worker import ControllerWorker
from filter_engine.workers.generation import (
    MAX_DELAY,
    OVERDUE_TIME,
    STUCK_TIME,
    Generation,
    Plan,
    Worker,
    plans,
)
from filter_engine.workers.sockets import SocketPool
from filter_engine.workers.statistics import Counter, Statistics

CONFIG = Config()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def generation(pid: int) -> tuple[Generation, Worker]:
    statistics = Statistics()
    made = Generation(CONFIG, Scanner(CONFIG), statistics, SocketPool(), (-1, -1), proven=True)
    plan = Plan(
        "controller",
        lambda c: ControllerWorker(ControllerConfig(), c),
        False,
        1,
        ControllerConfig(),
    )
    worker = Worker(plan, 1, [], pid=pid, row=statistics.take(), ready=True)
    made.workers.append(worker)
    return made, worker


def beat(made: Generation, worker: Worker, age: float) -> None:
    row = made.statistics.row(worker.row)
    row.set(Counter.ALIVE, 1)
    row.set(Counter.HEARTBEAT, max(int(time.monotonic() - age), 0))


def test_a_stuck_process_is_killed_and_started_again(sleeper: subprocess.Popen[bytes]) -> None:
    made, worker = generation(sleeper.pid)
    now = time.monotonic()
    beat(made, worker, 1.0)
    made.kill_stuck(now)
    assert sleeper.poll() is None
    made.kill_stuck(now + STUCK_TIME + 2)
    assert sleeper.wait(60) == -signal.SIGKILL
    assert made.ended(sleeper.pid, signal.SIGKILL) is worker
    assert worker.pid == 0
    assert made.next_start() is not None
    assert not made.accepting


def test_what_does_not_end_when_told_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    made, worker = generation(sleeper.pid)
    made.retire(signal.SIGCONT)
    beat(made, worker, 0.0)
    now = time.monotonic()
    made.kill_stuck(now)
    assert sleeper.poll() is None
    beat(made, worker, -OVERDUE_TIME)
    made.kill_stuck(now + OVERDUE_TIME + 1)
    assert sleeper.wait(60) == -signal.SIGKILL
    assert made.ended(sleeper.pid, signal.SIGKILL) is worker
    assert made.next_start() is None


def test_a_process_of_somebody_else_is_not_ours() -> None:
    made, _ = generation(0)
    assert made.ended(999_999_999, 0) is None


def test_the_workers_of_a_configuration() -> None:
    cores = len(os.sched_getaffinity(0))
    scanning = ScanUpstream(default=True, self_scan=True)
    config = Config(
        workers=(
            ProxyConfig(),
            ProxyConfig(upstreams={"local": scanning}, count=3),
            ProxyConfig(enabled=False),
            NormalConfig(),
            NormalConfig(count=-1),
            ControllerConfig(),
        )
    )
    assert [(plan.name, plan.count, plan.scans, plan.last) for plan in plans(config)] == [
        ("proxy", cores, True, False),
        ("proxy", 3, True, False),
        ("normal", cores, True, True),
        ("controller", 1, False, False),
    ]


@pytest.mark.parametrize("broken", ["fork", "pipe"])
def test_a_process_that_cannot_be_had_is_asked_for_again(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, worker = generation(0)
    made.statistics.give(worker.row)

    def none_left() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, broken, none_left)
    descriptors = len(os.listdir("/proc/self/fd"))
    now = time.monotonic()
    made.start_due(now)
    assert worker.pid == 0
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert made.statistics.take() == 0  # the row was given back
    due = made.next_start()
    assert due is not None
    assert now + 0.1 < due < now + 1.0
    made.start_due(due)
    assert (
        "cannot be started: Resource temporarily unavailable; trying again in 0.4 s" in caplog.text
    )


def test_the_delay_stays_finite_however_often_a_worker_failed() -> None:
    made, worker = generation(4242)
    worker.failures = 5000
    worker.started = time.monotonic()
    assert made.ended(4242, 1) is worker
    assert worker.start_at <= time.monotonic() + MAX_DELAY
