"""What all processes of the service hold together."""

from __future__ import annotations

import os

import pytest

from filter_engine.workers.service_budget import HELD_MESSAGES, ServiceBudget
from filter_engine.workers.statistics import Statistics

MAX = 1_000_000


@pytest.fixture
def statistics() -> Statistics:
    return Statistics()


def budget(statistics: Statistics) -> ServiceBudget:
    return ServiceBudget(MAX, statistics, statistics.row(statistics.take()))


def test_all_processes_share_one_budget(statistics: Statistics) -> None:
    processes = [budget(statistics) for _ in range(16)]
    taken = [process.take(MAX) for process in processes]
    assert taken.count(True) == HELD_MESSAGES
    for process, done in zip(processes, taken, strict=True):
        if done:
            process.give(MAX)
    assert statistics.held() < MAX  # each keeps but a small stock
    assert processes[-1].take(MAX)


def test_the_largest_message_fits_after_many_small_ones(statistics: Statistics) -> None:
    processes = [budget(statistics) for _ in range(32)]
    for process in processes:
        for _ in range(1000):
            assert process.take(1000)
            process.give(1000)
    assert all(process.used == 0 for process in processes)
    assert processes[0].take(MAX)


def test_another_process_sees_what_is_held(statistics: Statistics) -> None:
    """Across a real fork, and after the death of the process that held it."""
    mine = budget(statistics)
    row = statistics.take()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        other = ServiceBudget(MAX, statistics, statistics.row(row))
        os.write(writing, b"+" if other.take((HELD_MESSAGES - 1) * MAX) else b"-")
        os._exit(0)
    assert os.read(reading, 1) == b"+"
    os.waitpid(pid, 0)
    assert not mine.take(MAX + 1)
    assert mine.take(MAX)
    mine.give(MAX)
    statistics.give(row)
    assert mine.take(2 * MAX)
    os.close(reading)
    os.close(writing)
