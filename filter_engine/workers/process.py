"""What a worker process does from the fork to its exit."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from filter_engine.config.model import Config
from filter_engine.lazy_dataclass import frozen
from filter_engine.scanner import Scanner
from filter_engine.workers import heap
from filter_engine.workers.cards import write_card
from filter_engine.workers.error_notes import note_errors
from filter_engine.workers.logs import reopen
from filter_engine.workers.published import Publisher
from filter_engine.workers.service import Context, Factory, Service
from filter_engine.workers.statistics import Counter, Row, Statistics
from filter_engine.workers.symbol_hits import SymbolHits

log = logging.getLogger(__name__)

DRAIN_SIGNAL = signal.SIGQUIT
"""Finish in your own time: a new generation has taken over."""
STOP_SIGNAL = signal.SIGTERM
"""Finish soon: the service is going down."""

DRAIN_TIME = 300.0
"""Seconds an old generation may take after a reload; SMTP sessions end by themselves."""
STOP_TIME = 20.0
"""Seconds for what is under way when the service goes down."""
NOTICES_TIME = 5.0
"""Seconds for what stores shall remember of the last messages, and for notices about them."""
HEARTBEAT = 5.0
"""Seconds between two signs of life."""

GC_THRESHOLDS = (10_000, 10, 10)
"""For ``gc.set_threshold``: a message makes thousands of objects and hardly any cycle, so that
Python's own thresholds walk over living messages nearly once a message, for 9 % of its time."""

READY = b"+"
"""Written to the ready pipe once the worker serves."""


@frozen
class Job:
    """Everything a worker process is started with."""

    name: str
    """For people and the process list, e.g. ``proxy 1``."""
    factory: Factory
    scans: bool
    sockets: list[socket.socket]
    config: Config
    scanner: Scanner
    statistics: Statistics
    row: int
    ready: int
    """Descriptor to write ``READY`` to."""
    lifeline: int
    """Descriptor that reaches its end when the supervisor is gone."""
    config_id: str
    hits: SymbolHits | None = None
    secure: frozenset[int] = frozenset()
    """Descriptors of those sockets that speak TLS."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed; None stands for asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def run(job: Job) -> int:
    """Serve until told to stop; returns the exit status. Signals are blocked on entry."""
    set_title(job.name)
    signal.set_wakeup_fd(-1)
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        # They concern the supervisor; a terminal sends its Ctrl-C to all of us.
        signal.signal(ignored, signal.SIG_IGN)
    for default in (signal.SIGCHLD, DRAIN_SIGNAL, STOP_SIGNAL):
        signal.signal(default, signal.SIG_DFL)
    note_errors(job.statistics.errors, job.row, job.name.partition(" ")[0])
    try:
        gc.set_threshold(*GC_THRESHOLDS)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_serve(job))
    except Exception:
        log.exception("worker %s failed", job.name)
        return 1


async def _serve(job: Job) -> int:
    loop = asyncio.get_running_loop()
    row = job.statistics.row(job.row)
    stop = _Stop()
    loop.add_signal_handler(STOP_SIGNAL, stop.ask, True)
    loop.add_signal_handler(DRAIN_SIGNAL, stop.ask, False)
    loop.add_signal_handler(signal.SIGUSR1, reopen)  # the supervisor hands it on
    loop.add_reader(job.lifeline, stop.orphaned, loop, job.lifeline)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    job.scanner.open(loop)
    try:
        context = Context(
            job.config,
            job.scanner,
            job.statistics,
            row,
            job.name,
            job.config_id,
            number=job.row,
            hits=job.hits,
            secure=job.secure,
        )
        context.standings.append(job.scanner.standings)
        service = job.factory(context)
        write_card(job.statistics, job.row, job.name, job.config_id, job.sockets)
        await service.start(job.sockets)
        row.set(Counter.HEARTBEAT, int(time.monotonic()))
        row.set(Counter.SCANS, job.scans)
        row.set(Counter.ALIVE, 1)
        publisher = Publisher(job.statistics.numbers, job.row, job.scanner, context.standings)
        heart = loop.create_task(_beat(row, publisher))
        with suppress(BrokenPipeError):
            os.write(job.ready, READY)
        os.close(job.ready)
        log.debug("worker %s serves", job.name)
        await stop.asked.wait()
        service.drain(hurry=stop.hurry.is_set())
        row.set(Counter.ALIVE, 0)
        clean = await _finish(service, stop)
        await job.scanner.settle(NOTICES_TIME)
        heart.cancel()
        publisher.publish()  # the next of this row goes on from here
        if not clean:
            log.warning("worker %s: time is up, connections were cut off", job.name)
    finally:
        job.scanner.close()
    return 0


class _Stop:
    """Requests to stop, the more urgent of which wins."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()

    def ask(self, hurry: bool) -> None:
        """A signal came."""
        self.asked.set()
        if hurry:
            self.hurry.set()

    def orphaned(self, loop: asyncio.AbstractEventLoop, lifeline: int) -> None:
        """The supervisor is gone: nobody will ever tell us to stop."""
        loop.remove_reader(lifeline)
        log.error("the supervisor is gone: stopping")
        self.ask(True)


async def _finish(service: Service, stop: _Stop) -> bool:
    if not stop.hurry.is_set():
        ended = asyncio.ensure_future(service.wait_drained(DRAIN_TIME))
        hurry = asyncio.ensure_future(stop.hurry.wait())
        await asyncio.wait((ended, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if ended.done():
            return ended.result()
        ended.cancel()
        service.drain(hurry=True)
    return await service.wait_drained(STOP_TIME)


async def _beat(row: Row, publisher: Publisher) -> None:
    give_back = heap.keep_small()
    while True:
        row.set(Counter.HEARTBEAT, int(time.monotonic()))
        publisher.publish()
        give_back()
        await asyncio.sleep(HEARTBEAT)


def set_title(name: str) -> None:
    """The name ``ps -o comm`` and ``top`` show, at most 15 characters (proc(5))."""
    with suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(f"fe: {name}"[:15])


def leave(status: int) -> None:
    """End this process without running the supervisor's exit handlers."""
    logging.shutdown()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def before_fork() -> None:
    """Keep what is loaded out of the garbage collector, so that forks go on sharing it."""
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
