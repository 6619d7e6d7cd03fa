"""The master process: loads, binds, forks, restarts, reloads and stops the workers.

It runs no event loop, so that it can fork at any time. SIGHUP loads the configuration anew: a bad
one changes nothing; a good one gets a new generation of workers on the same sockets, and the old
one ends when the new one serves. A SIGHUP in the meantime is remembered. SIGTERM and SIGINT stop
after what is under way.
"""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from filter_engine.config.findings import ConfigError
from filter_engine.config.log_levels import NOTICE
from filter_engine.config.model import Config
from filter_engine.config.workers import ProxyConfig, TlsWorkerSection
from filter_engine.matching.cache import DatabaseCache
from filter_engine.matching.pattern_set import forget
from filter_engine.scanner import Scanner
from filter_engine.workers import logs, notify, process
from filter_engine.workers.config_id import config_id
from filter_engine.workers.error_notes import Kept, note_errors
from filter_engine.workers.generation import Generation, Plan, Worker, plans
from filter_engine.workers.proxy import scans_itself
from filter_engine.workers.sockets import BindError, SocketPool
from filter_engine.workers.statistics import ROWS, Statistics
from filter_engine.workers.symbol_hits import SymbolHits
from filter_engine.workers.tls import client_context, server_context

log = logging.getLogger(__name__)

START_TIME = 60.0
"""Seconds within which a new generation must serve."""
KILL_TIME = 2 * process.STOP_TIME + 10.0
"""Seconds after which processes that do not stop are killed: scanners begin after the proxies."""


class Supervisor:
    """``load`` reads the configuration (raises ConfigError); it is called again at every reload."""

    def __init__(self, load: Callable[[], Config]) -> None:
        self._load = load
        self._statistics = Statistics()
        self._lifeline = os.pipe()
        self._sockets = SocketPool()
        self._current: Generation | None = None
        self._new: Generation | None = None
        self._new_deadline = 0.0
        self._old: list[Generation] = []
        self._stopping_since: float | None = None
        self._scanners_stop = False
        self._ready_next = False
        self._reload_again = False
        self._selector = selectors.DefaultSelector()
        self._caught: set[int] = set()
        self._failure: str | None = None

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status.

        Raises ``ConfigError`` or ``BindError`` when it cannot even start.
        """
        config = self._load()
        self._log(config)
        generation = self._prepare(config)
        process.set_title("supervisor")
        self._catch_signals()
        self._launch(generation)
        _pid_file(generation.config.options.pidfile, create=True)
        while True:
            self._wait()
            notify.flush()
            self._reap()
            self._handle_signals()
            self._advance(time.monotonic())
            if self._stopping_since is not None and not self._generations():
                break
        self._sockets.keep(())
        _pid_file(generation.config.options.pidfile, create=False)
        log.log(NOTICE, "stopped")
        return 0 if self._failure is None else 1

    def _log(self, config: Config) -> None:
        logs.configure(config.logging)
        Kept.notes, Kept.length = config.logging.error_elts, config.logging.error_maxlen
        note_errors(self._statistics.errors, ROWS, "main")

    def _prepare(self, config: Config) -> Generation:
        """A generation that is not started yet, its sockets open."""
        for finding in config.findings:
            log.log(_LEVELS.get(finding.severity, logging.INFO), "%s", finding)
        scanner = Scanner.from_config(config)
        known = None if self._current is None else self._current.hits
        before = None if known is None else known.totals()
        generation = Generation(
            config,
            scanner,
            self._statistics,
            self._sockets,
            self._lifeline,
            config_id(config),
            SymbolHits(scanner.plan.scores, ROWS, before),
        )
        try:
            for plan in plans(config):
                sockets, secure = self._listen(plan)
                generation.workers.extend(
                    Worker(plan, number, sockets, secure) for number in range(1, plan.count + 1)
                )
        except BindError:
            self._close_unused()
            raise
        if not generation.workers:
            raise BindError("no worker is switched on: nothing to serve")
        return generation

    def _listen(self, plan: Plan) -> tuple[list[socket.socket], frozenset[int]]:
        """The sockets of a worker, and the descriptors of those that speak TLS."""
        config = plan.config
        sockets: list[socket.socket] = []
        secure: set[int] = set()
        for bind in config.bind_socket:
            opened = self._sockets.get(bind, plan.name, udp=plan.udp)
            sockets.extend(opened)
            if isinstance(config, TlsWorkerSection) and config.speaks_tls(bind):
                secure.update(sock.fileno() for sock in opened)
        if secure and isinstance(config, TlsWorkerSection):
            server_context(config, plan.name)  # whether it can be used
        if isinstance(config, ProxyConfig) and not scans_itself(config):
            assert config.default_upstream is not None
            client_context(config.default_upstream, plan.name)  # as above
        return sockets, frozenset(secure)

    def _launch(self, generation: Generation) -> None:
        process.before_fork()
        self._new = generation
        self._new_deadline = time.monotonic() + START_TIME
        generation.start_due(time.monotonic())

    def _generations(self) -> list[Generation]:
        return [g for g in (self._current, self._new, *self._old) if g is not None]

    def _wait(self) -> None:
        """Sleep until a signal, a ready worker, a due restart or a deadline."""
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._selector.unregister(key.fd)
        now = time.monotonic()
        until = [now + 5.0]
        for generation in self._generations():
            if (due := generation.next_start()) is not None:
                until.append(due)
            for worker in generation.workers:
                if worker.ready_pipe >= 0:
                    self._selector.register(
                        worker.ready_pipe, selectors.EVENT_READ, (generation, worker)
                    )
        if self._new is not None:
            until.append(self._new_deadline)
        if self._ready_next:
            until.append(now + 0.01)
        if notify.is_waiting():
            until.append(now + notify.RETRY)
        for key, _ in self._selector.select(max(min(until) - now, 0.0)):
            if key.data is not None:
                generation, worker = key.data
                self._selector.unregister(key.fd)
                generation.check_ready(worker)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for generation in self._generations():
                if generation.ended(pid, status) is not None:
                    if generation is self._new:
                        self._give_up("a worker of it did not start")
                    break

    def _advance(self, now: float) -> None:
        """Whatever time or events have made due."""
        new = self._new
        if new is not None and new.all_ready:
            self._take_over(new)
        elif new is not None and now >= self._new_deadline:
            self._give_up(f"it did not serve within {START_TIME:.0f} s")
        if self._new is None and self._reload_again:
            self._reload_again = False
            self._reload()
        if self._ready_next and self._current is not None and self._new is None:
            self._tell_ready(self._current)
        for generation in self._generations():
            generation.start_due(now)
            generation.kill_stuck(now)
        gone = [generation for generation in self._old if generation.gone]
        if gone:
            self._old = [generation for generation in self._old if not generation.gone]
            self._close_unused()
        if self._stopping_since is not None:
            self._go_on_stopping(now - self._stopping_since)

    def _take_over(self, new: Generation) -> None:
        new.proven = True
        self._sockets.accept()
        old, self._current, self._new = self._current, new, None
        if old is not None:
            self._statistics.reloaded(None)
            old.retire(process.DRAIN_SIGNAL)
            self._old.append(old)
        self._close_unused()
        self._ready_next = True

    def _tell_ready(self, current: Generation) -> None:
        """Say so once nobody but the current generation accepts connections."""
        if any(generation.accepting for generation in self._old):
            return
        self._ready_next = False
        status = ", ".join(f"{plan.count} {plan.name}" for plan in plans(current.config))
        log.log(NOTICE, "serving: %s", status)
        notify.ready(status)

    def _give_up(self, reason: str) -> None:
        """The new generation is no good: keep the old one, or stop if there is none."""
        new, self._new = self._new, None
        if new is None:
            return
        new.retire(process.STOP_SIGNAL)
        self._sockets.revert()
        self._old.append(new)
        if self._current is None:
            log.error("cannot start: %s", reason)
            self._failure = reason
            self._stop()
        else:
            log.error("the new configuration is not used: %s; the old one stays", reason)
            self._statistics.reloaded(reason)
            notify.ready("reload failed, the old configuration stays")

    def _reload(self) -> None:
        if self._stopping_since is not None:
            return
        if self._new is not None:
            # The files may have changed after it read them.
            log.info("a reload is under way: another one follows")
            self._reload_again = True
            return
        log.log(NOTICE, "loading the configuration anew")
        self._statistics.reload_begins()
        notify.reloading()
        gc.unfreeze()
        try:
            config = self._load()
            if self._statistics.recompile_asked():
                forget(DatabaseCache.below(config.variables.get("DBDIR")))
            generation = self._prepare(config)
            self._log(generation.config)
        except Exception as error:
            # Whatever it is, the service that runs goes on.
            self._sockets.revert()
            known = isinstance(error, ConfigError | BindError | OSError)
            log.error(
                "the new configuration is not used, the old one stays:\n%s",
                error,
                exc_info=None if known else error,
            )
            gc.freeze()
            self._statistics.reloaded(str(error) or type(error).__name__)
            notify.ready("reload failed, the old configuration stays")
            return
        self._launch(generation)

    def _stop(self) -> None:
        """Begin to stop; asked again, stop everything at once."""
        again = self._stopping_since is not None
        if not again:
            log.log(NOTICE, "stopping")
            notify.stopping()
            self._stopping_since = time.monotonic()
        self._old.extend(g for g in (self._current, self._new) if g is not None)
        self._current = self._new = None
        for generation in self._old:
            # Proxies finish their messages first, and may need the scanners for it.
            generation.retire(process.STOP_SIGNAL, last=None if again else False)
        self._close_unused()

    def _go_on_stopping(self, seconds: float) -> None:
        first = any(
            worker.pid and not worker.plan.last
            for generation in self._old
            for worker in generation.workers
        )
        if not first and not self._scanners_stop:
            self._scanners_stop = True
            for generation in self._old:
                generation.retire(process.STOP_SIGNAL, last=True)
            self._close_unused()
        if seconds > KILL_TIME:
            for generation in self._old:
                generation.signal(signal.SIGKILL)

    def _close_unused(self) -> None:
        """Close the sockets nobody is to accept on any more: better refused than not answered."""
        stopping = self._stopping_since is not None
        plans = [
            worker.plan
            for generation in (self._old if stopping else (self._current, self._new))
            if generation is not None
            for worker in generation.workers
            if not stopping or (worker.plan.last and not self._scanners_stop)
        ]
        self._sockets.keep(
            (bind for plan in plans if not plan.udp for bind in plan.config.bind_socket),
            (bind for plan in plans if plan.udp for bind in plan.config.bind_socket),
        )

    # signals

    def _catch_signals(self) -> None:
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        self._selector.register(reading, selectors.EVENT_READ)
        self._wakeup = (reading, writing)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        for number in (
            *(signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD),
            signal.SIGUSR1,
        ):
            signal.signal(number, lambda number, _frame: self._caught.add(number))
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    def _handle_signals(self) -> None:
        with suppress(BlockingIOError):
            while self._wakeup[0].recv(4096):
                pass
        caught, self._caught = self._caught, set()
        if signal.SIGUSR1 in caught:  # Rspamd's sign to open the logs anew
            logs.reopen()
            for generation in self._generations():
                generation.signal(signal.SIGUSR1)
        if caught & {signal.SIGTERM, signal.SIGINT}:
            self._stop()
        elif signal.SIGHUP in caught:
            self._reload()


_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


def _pid_file(path: str, *, create: bool) -> None:
    if not path:
        return
    try:
        if create:
            with open(path, "w") as file:
                file.write(f"{os.getpid()}\n")
        else:
            os.unlink(path)
    except OSError as error:
        log.warning("process id file %s: %s", path, error.strerror)
