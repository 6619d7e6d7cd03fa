"""One generation of worker processes: those that serve one loaded configuration."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import field
from functools import partial

from filter_engine.config.model import Config
from filter_engine.config.workers import (
    ControllerConfig,
    FuzzyConfig,
    NormalConfig,
    ProxyConfig,
)
from filter_engine.lazy_dataclass import frozen, mutable
from filter_engine.scanner import Scanner
from filter_engine.workers import process
from filter_engine.workers.normal import NormalWorker
from filter_engine.workers.proxy import ProxyWorker, scans_itself
from filter_engine.workers.service import Context, Factory, Service
from filter_engine.workers.sockets import SocketPool
from filter_engine.workers.statistics import Counter, Statistics
from filter_engine.workers.symbol_hits import SymbolHits

log = logging.getLogger(__name__)

MAX_DELAY = 30.0
"""Seconds between two attempts to start a worker that keeps failing."""
STUCK_TIME = 120.0
"""Seconds without a sign of life after which a process is killed."""
OVERDUE_TIME = process.DRAIN_TIME + process.STOP_TIME + 10.0
"""Seconds after which a process that was told to end is killed."""
STABLE_TIME = 10.0
"""Seconds after which a worker counts as sound and the delay starts anew."""


@frozen
class Plan:
    """One configured worker: what runs in each of its processes."""

    name: str
    factory: Factory
    scans: bool
    count: int
    config: ProxyConfig | NormalConfig | ControllerConfig | FuzzyConfig
    last: bool = False
    """Stops after the others, which may need it to finish."""
    udp: bool = False
    """Its sockets take datagrams."""


def plans(config: Config) -> Iterator[Plan]:
    """The workers a configuration asks for. Proxy and normal get a process a core."""
    cores = len(os.sched_getaffinity(0))
    for proxy in config.proxies:
        own = scans_itself(proxy)
        count = proxy.count or (cores if own else 1)
        yield Plan("proxy", partial(ProxyWorker, proxy), own, count, proxy)
    for normal in config.scanners:
        factory = partial(NormalWorker, normal)
        yield Plan("normal", factory, True, normal.count or cores, normal, last=True)
    for controller in config.controllers:
        control = partial(_controller, controller)
        yield Plan("controller", control, False, controller.count or 1, controller)
    for storage in config.fuzzy_storages:
        keep = partial(_storage, storage)
        yield Plan("fuzzy", keep, False, storage.count or 1, storage, last=True, udp=True)


def _storage(config: FuzzyConfig, context: Context) -> Service:
    """The fuzzy storage, loaded where there is one."""
    from filter_engine.workers.fuzzy import FuzzyWorker

    scanner = context.scanner
    return FuzzyWorker(config, context.config, scanner.stores, resolve=scanner.resolve)


def _controller(config: ControllerConfig, context: Context) -> Service:
    """The controller, loaded in its own process: aiohttp takes 16 MB that no scanner needs."""
    from filter_engine.workers.controller.worker import ControllerWorker

    return ControllerWorker(config, context)


@mutable
class Worker:
    """One place for a process, and the process that fills it at present."""

    plan: Plan
    number: int
    sockets: list[socket.socket]
    secure: frozenset[int] = frozenset()
    """Descriptors of those sockets that speak TLS."""
    pid: int = 0
    row: int = -1
    started: float = 0.0
    ready: bool = False
    ready_pipe: int = -1
    failures: int = 0
    start_at: float = 0.0
    """Monotonic time of the next start when there is no process."""

    @property
    def name(self) -> str:
        """For people: ``normal 2``; without number when there is but one."""
        return f"{self.plan.name} {self.number}" if self.plan.count > 1 else self.plan.name


@mutable
class Generation:
    """The workers of one configuration."""

    config: Config
    scanner: Scanner
    statistics: Statistics
    pool: SocketPool
    lifeline: tuple[int, int]
    """A pipe nobody writes to: its reading end ends when the supervisor does."""
    config_id: str = ""
    hits: SymbolHits | None = None
    workers: list[Worker] = field(default_factory=list)
    proven: bool = False
    """All its workers have served: a process that ends from now on is started again."""
    retired_at: float | None = None
    """Monotonic time since when no process of it is started any more."""

    def start(self, worker: Worker) -> None:
        """Fork the process of one place; when that fails, try again later."""
        try:
            reading, writing = os.pipe()
        except OSError as error:
            self._cannot_start(worker, error)
            return
        worker.row = self.statistics.take()
        try:
            pid = self._fork(worker, reading, writing)
        except OSError as error:
            os.close(reading)
            os.close(writing)
            self.statistics.give(worker.row)
            self._cannot_start(worker, error)
            return
        os.close(writing)
        os.set_blocking(reading, False)
        worker.pid, worker.ready_pipe = pid, reading
        worker.ready = False
        worker.started = time.monotonic()

    def _cannot_start(self, worker: Worker, error: OSError) -> None:
        """No process or descriptor is to be had at present (fork(2): EAGAIN, ENOMEM)."""
        worker.failures += 1
        wait = _delay(worker.failures)
        worker.start_at = time.monotonic() + wait
        log.error(
            "worker %s cannot be started: %s; trying again in %.1f s",
            worker.name,
            error.strerror,
            wait,
        )

    def _fork(self, worker: Worker, reading: int, writing: int) -> int:
        """The process id of the new process, which gets the writing end; raises OSError."""
        job = process.Job(
            name=worker.name,
            factory=worker.plan.factory,
            scans=worker.plan.scans,
            sockets=worker.sockets,
            config=self.config,
            scanner=self.scanner,
            statistics=self.statistics,
            row=worker.row,
            ready=writing,
            lifeline=self.lifeline[0],
            config_id=self.config_id,
            hits=self.hits,
            secure=worker.secure,
        )
        # The child must not see a signal before it has its own handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                os.close(self.lifeline[1])
                status = 1
                try:
                    self.pool.close_others(worker.sockets)
                    status = process.run(job)
                finally:
                    process.leave(status)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        return pid

    def start_due(self, now: float) -> None:
        """Start every place that has no process and whose time has come."""
        for worker in self.workers:
            if not worker.pid and not self.retired and worker.start_at <= now:
                self.start(worker)

    def next_start(self) -> float | None:
        """Monotonic time of the next start that is due; None when no place is empty."""
        empty = [w.start_at for w in self.workers if not w.pid]
        return min(empty) if empty and not self.retired else None

    def check_ready(self, worker: Worker) -> None:
        """Look into the ready pipe: the worker serves, or is gone before it did."""
        try:
            said = os.read(worker.ready_pipe, 1)
        except BlockingIOError:
            return
        worker.ready = said == process.READY
        self._close_pipe(worker)

    def ended(self, pid: int, status: int) -> Worker | None:
        """A process is gone; None when it was not of this generation."""
        worker = next((w for w in self.workers if w.pid == pid), None)
        if worker is None:
            return None
        self._close_pipe(worker)
        self.statistics.give(worker.row)
        worker.pid = 0
        worker.ready = False
        if self.retired or not self.proven:
            if status or not self.retired:
                log.error("worker %s (process %d) %s", worker.name, pid, _fate(status))
            return worker
        now = time.monotonic()
        sound = now - worker.started >= STABLE_TIME
        worker.failures = 1 if sound else worker.failures + 1
        # The first restart is immediate, then the delay doubles.
        wait = 0.0 if worker.failures == 1 else _delay(worker.failures)
        worker.start_at = now + wait
        again = f"; starting it again in {wait:.1f} s" if wait else "; starting it again"
        log.error("worker %s (process %d) %s%s", worker.name, pid, _fate(status), again)
        return worker

    @property
    def retired(self) -> bool:
        """No process of it is started any more."""
        return self.retired_at is not None

    @property
    def all_ready(self) -> bool:
        """Every place has a process that serves."""
        return all(worker.ready for worker in self.workers)

    @property
    def accepting(self) -> bool:
        """Some process still accepts connections."""
        return any(
            worker.pid and self.statistics.row(worker.row).get(Counter.ALIVE)
            for worker in self.workers
        )

    @property
    def gone(self) -> bool:
        """No process is left."""
        return not any(worker.pid for worker in self.workers)

    def signal(self, number: int, *, last: bool | None = None) -> None:
        """Send a signal to every process, or only to those that stop last, or to the others."""
        for worker in self.workers:
            if worker.pid and last in (None, worker.plan.last):
                os.kill(worker.pid, number)

    def retire(self, number: int, *, last: bool | None = None) -> None:
        """Let processes end, by ``DRAIN_SIGNAL`` or ``STOP_SIGNAL``; none is started again."""
        if self.retired_at is None:
            self.retired_at = time.monotonic()
        self.signal(number, last=last)

    def kill_stuck(self, now: float) -> None:
        """Kill processes whose event loop has stopped, and what does not end when it should.

        The MTA hears nothing from a stuck worker; once it is dead, the MTA sees a closed connection
        and answers with a temporary failure.
        """
        overdue = self.retired_at is not None and now - self.retired_at > OVERDUE_TIME
        for worker in self.workers:
            if not worker.pid or not (worker.ready or overdue):
                continue
            silent = now - self.statistics.row(worker.row).get(Counter.HEARTBEAT)
            if overdue or silent > STUCK_TIME:
                log.error("worker %s (process %d) is stuck: killing it", worker.name, worker.pid)
                os.kill(worker.pid, signal.SIGKILL)

    @staticmethod
    def _close_pipe(worker: Worker) -> None:
        if worker.ready_pipe >= 0:
            os.close(worker.ready_pipe)
            worker.ready_pipe = -1


def _delay(failures: int) -> float:
    """Seconds to wait after so many failures, however many they are."""
    return min(0.1 * 2.0 ** min(failures, 16), MAX_DELAY)


def _fate(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"was killed by {signal.Signals(number).name}"
    return f"ended with status {os.waitstatus_to_exitcode(status)}"
