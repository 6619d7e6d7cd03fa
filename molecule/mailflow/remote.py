"""A Python program on a host of the lab, kept running and talked to in lines of JSON."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.errors import LabError
from lab.lab import Lab

ON_HOSTS = Path(__file__).with_name("on_hosts")
SYSTEM = "/usr/bin/python3"
ENGINE = "/opt/filter_engine/current/bin/python"


class Remote:
    """One of the programs in `on_hosts`; it ends when its standard input does.

    What it says is kept in `lines`; `ask` is for programs that answer every line with one.
    """

    def __init__(
        self, lab: Lab, host: str, program: str, *words: str, python: str = SYSTEM
    ) -> None:
        source = (ON_HOSTS / program).read_text()
        self._process = subprocess.Popen(  # noqa: S603 - ours
            [*lab.ssh.argv(host), "--", python, "-u", "-c", _quoted(source), *map(_quoted, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.name = f"{program} on {host}"
        self.lines: deque[dict[str, Any]] = deque()
        self._arrived = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(
            *([LabError] if kind else [])
        ):  # the first error is the one to see
            self.close()

    def ask(self, seconds: float = 30.0, **question: Any) -> dict[str, Any]:
        """Say one line and return the next that comes; raises LabError without one in time."""
        self.say(**question)
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.lines or self._ended, seconds):
                raise LabError(f"{self.name}: no answer within {seconds:g} s")
            if not self.lines:
                raise LabError(f"{self.name} ended: {self._errors()}")
            return self.lines.popleft()

    def say(self, **question: Any) -> None:
        """Say one line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LabError(f"{self.name} is gone: {error}: {self._errors()}") from error

    def close(self, seconds: float = 30.0) -> None:
        """End it and take what it still says; raises LabError when it failed or does not end."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            raise LabError(f"{self.name} does not end") from error
        self._reader.join(seconds)
        if status not in (0, 255):  # 255: its host was killed
            raise LabError(f"{self.name} failed: {self._errors()}")

    def _errors(self) -> str:
        """The end of its standard error, which is whole when it has ended."""
        assert self._process.stderr is not None
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "it still runs"
        return self._process.stderr.read()[-2000:]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._arrived:
                self.lines.append(json.loads(line))
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
