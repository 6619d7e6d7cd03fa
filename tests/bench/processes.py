"""Processes of a benchmark: pinned to a core, stopped by their ids whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from support.ports import free_port

from . import figures

TESTS = Path(__file__).resolve().parents[1]
_PATIENCE = 20.0


class Process:
    """One program on one core; a context manager. Its children end with it."""

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        *,
        log: Path | None = None,
        talks: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        output: IO[bytes] | int = subprocess.DEVNULL if log is None else log.open("ab")
        try:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=None if talks else output,
                env=os.environ | {"PYTHONPATH": str(TESTS)} | dict(environment or {}),
                text=True,
                start_new_session=True,  # Ctrl-C is ours alone: we end them in order
            )
        finally:
            if not isinstance(output, int):
                output.close()
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        """It is gone."""
        return self._process.poll() is not None

    def read_line(self) -> str:
        """The next line it prints; "" at its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End it and what it started."""
        family = figures.descendants(self.pid) if not self.ended else []
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in reversed(family):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Zone(Process):
    """The DNS server."""

    def __init__(self, core: int) -> None:
        super().__init__([sys.executable, "-m", "bench.zone"], core, talks=True)
        self.port = int(self.read_line() or 0)

    def questions(self, mode: str = "") -> int:
        """Questions answered so far; ``mode`` of `bench.zone`, where it is to change."""
        self.say(mode)
        return int(self.read_line())


class Redis(Process):
    """A Redis that keeps nothing on disk."""

    def __init__(self, core: int, place: Path) -> None:
        self.port = free_port()
        words = f"--port {self.port} --bind 127.0.0.1 --save '' --appendonly no --daemonize no"
        command = ["redis-server", *words.replace("''", "").split(), "--dir", str(place)]
        super().__init__(command, core, log=place / "redis.log")
