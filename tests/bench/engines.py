"""The filters that are compared, each with the same site below a directory of its own."""

from __future__ import annotations

import http.client
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from support.ports import free_port

from . import figures
from .processes import Process

_START = 120.0
_STOCK_RSPAMD = "/etc/rspamd/rspamd.conf"

SITE = {
    "options.inc": """
        dns {{ nameserver = ["127.0.0.1:{dns}:10"]; }}
        local_addrs = [192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12, 127.0.0.0/8, "::1"];
    """,
    "logging.inc": 'type = "console"; level = "info";',
    "redis.conf": 'servers = "127.0.0.1:{redis}";',
    "greylist.conf": "enabled = false;",
    "fuzzy_check.conf": 'rule "rspamd.com" {{ enabled = false; }}',
    "worker-normal.inc": 'bind_socket = "127.0.0.1:{port}"; count = 1;',
    "worker-proxy.inc": "enabled = false; count = -1;",
    "worker-controller.inc": "enabled = false; count = -1;",
    "worker-fuzzy.inc": "count = -1;",
}
"""The site, below local.d: stock modules, one scan worker. Greylisting would keep mail waiting."""


class Engine:
    """One filter; ``start`` and ``stop`` it as often as wanted. A context manager that stops it."""

    name = ""

    def __init__(self, place: Path, core: int) -> None:
        self.place = place
        self.port = free_port()
        self.worker = 0
        self._core = core
        self._process: Process | None = None

    def configure(self, dns: int, redis: int | None) -> None:
        """Write the site's files."""
        folder = self.place / "local.d"
        folder.mkdir(parents=True)
        (self.place / "override.d").mkdir()
        (self.place / "db").mkdir()
        for name, text in SITE.items():
            if redis is None and name == "redis.conf":
                continue
            (folder / name).write_text(text.format(dns=dns, redis=redis, port=self.port) + "\n")

    def start(self, *, cold: bool = False) -> float:
        """Start it; seconds until it answers. ``cold``: without what earlier starts kept."""
        if cold:
            shutil.rmtree(self.place / "db")
            (self.place / "db").mkdir()
        log = self.place / "log"
        began = time.monotonic()
        self._process = Process(self._command(), self._core, log=log)
        while time.monotonic() - began < _START and not self._process.ended:
            with suppress(OSError, http.client.HTTPException):
                self._ping()
                seconds = time.monotonic() - began
                self.worker = self._find_worker()
                return seconds
            time.sleep(0.005)
        said = log.read_text(errors="replace")[-2000:]
        self.stop()
        raise SystemExit(f"{self.name} did not start:\n{said}")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def settle(self) -> None:
        """Wait until what it prepares in the background is done."""

    def forget(self) -> None:
        """Let it lose the answers of DNS that it keeps, if it keeps any."""

    def _ping(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/ping")
            connection.getresponse().read()
        finally:
            connection.close()

    def _find_worker(self) -> int:
        assert self._process is not None
        for pid in figures.descendants(self._process.pid)[1:]:
            if self._is_worker(figures.title(pid)):
                return pid
        raise SystemExit(f"{self.name}: no scan worker among its processes")

    def _variables(self) -> Iterable[str]:
        place = self.place
        for name, value in (
            ("LOCAL_CONFDIR", place),
            ("DBDIR", place / "db"),
            ("RUNDIR", place),
            ("LOGDIR", place),
        ):
            yield from ("--var", f"{name}={value}")

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _is_worker(self, title: str) -> bool:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Ours(Engine):
    """This engine. ``samples``: the file its worker writes where its time went, when asked."""

    name = "mailfleet"
    samples: Path | None = None

    def _command(self) -> Sequence[str]:
        if self.samples is not None:
            sampled = [sys.executable, "-m", "bench.sampled_serve", str(self.samples)]
            return [*sampled, *self._variables()]
        return [sys.executable, "-m", "filter_engine.cli.main", "serve", *self._variables()]

    def forget(self) -> None:
        """Its cache of DNS is the worker's own: a new worker knows nothing."""
        self.stop()
        self.start()

    def _is_worker(self, title: str) -> bool:
        return title.startswith("fe: normal")


class Rspamd(Engine):
    """Rspamd as its package installs it."""

    name = "Rspamd"

    def _command(self) -> Sequence[str]:
        program = shutil.which("rspamd") or "rspamd"
        return [program, "-f", "-i", "-c", _STOCK_RSPAMD, *self._variables()]

    def _is_worker(self, title: str) -> bool:
        return "normal process" in title

    def settle(self) -> None:
        """A helper process compiles its regular expressions after it began to serve."""
        assert self._process is not None
        helpers = [
            pid
            for pid in figures.descendants(self._process.pid)
            if "hs_helper" in figures.title(pid)
        ]
        before, quiet, end = -1.0, 0, time.monotonic() + 60
        while quiet < 4 and time.monotonic() < end:
            spent = sum(figures.cpu_seconds(pid) for pid in helpers)
            quiet = quiet + 1 if spent == before else 0
            before = spent
            time.sleep(0.25)


def installed() -> list[type[Engine]]:
    """The engines of this machine; ours first."""
    return [Ours, Rspamd] if shutil.which("rspamd") else [Ours]
