"""Instructions a message: ``python -m bench.instructions`` (``PYTHONPATH=tests``).

Callgrind counts what the scan worker executes, the kernel left out. Unlike CPU time that does not
hang on what else the machine does: two versions can be compared on a busy one, to about half a
per cent. It says nothing of waiting for memory. What is remembered is counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from .engines import Ours
from .load import drive
from .messages import requests
from .processes import Redis, Zone
from .remembered import teach, write
from .rounds import warm_up
from .zone import FLEETING, KEPT

_COUNTED = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
_PATIENT = "task_timeout = 300s;"
"""A message takes fifty times as long."""


class _Counted(Ours):
    """This engine under callgrind, which counts when it is told to."""

    counts: Path

    def _command(self) -> Sequence[str]:
        return [
            "valgrind",
            "-q",
            "--tool=callgrind",
            "--trace-children=yes",
            "--instr-atstart=no",
            f"--callgrind-out-file={self.counts}/%p",
            *super()._command(),
        ]

    def tell(self, *words: str) -> None:
        """Say something to callgrind in the worker."""
        command = ["callgrind_control", *words, str(self.worker)]
        subprocess.run(command, check=True, capture_output=True)


def measure(sent: Sequence[bytes], *, remembers: bool) -> float:
    """Instructions a message, with the answers of DNS that the messages have in common kept."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        zone = stack.enter_context(Zone(0))
        redis = stack.enter_context(Redis(0, place))
        engine = stack.enter_context(_Counted(place / "engine", 1))
        engine.counts = place / "counts"
        engine.counts.mkdir()
        write(engine, zone.port, redis.port, remembers=remembers)
        with (engine.place / "local.d" / "worker-normal.inc").open("a") as worker:
            worker.write(_PATIENT + "\n")
        if remembers:
            asyncio.run(teach(redis.port))
        engine.start()
        zone.questions(FLEETING)
        warm_up(engine, sent)
        zone.questions(KEPT)
        engine.tell("-i", "on")
        load = asyncio.run(drive(engine.port, sent, 8))
        if load.failed:
            raise SystemExit(f"{load.failed} messages were not answered")
        engine.tell("-d")
        counted = [
            int(found[1])
            for file in engine.counts.glob(f"{engine.worker}.*")
            if (found := _COUNTED.search(file.read_text(errors="replace")))
        ]
        if not counted:
            raise SystemExit("callgrind has counted nothing")
        return max(counted) / len(sent)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=60)
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("no valgrind: apt-get install valgrind")
    os.environ["PYTHONHASHSEED"] = "1"  # the order of sets is the same each time
    os.sched_setaffinity(0, {0})
    sent = requests(given.messages)
    without = measure(sent, remembers=False) / 1e6
    print(f"{without:.2f} million instructions a message", flush=True)
    added = measure(sent, remembers=True) / 1e6 - without
    print(f"{added:.2f} million more with Bayes, greylisting, rate limits, answers and history")


if __name__ == "__main__":
    main()
