"""``filter-engine serve`` whose scan worker samples itself: FILE, then serve's own options.

SIGUSR1 to the worker forgets what was seen so far.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from filter_engine.cli.main import main
from filter_engine.workers import process

from . import sampler

_run = process.run


def _sampled(job: process.Job) -> int:
    if not job.scans:
        return _run(job)
    factory = job.factory

    def made(context: object) -> object:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, sampler.clear)
        return factory(context)  # type: ignore[arg-type]

    object.__setattr__(job, "factory", made)
    sampler.start()
    try:
        return _run(job)
    finally:
        sampler.stop(_FILE)


if __name__ == "__main__":
    _FILE = Path(sys.argv.pop(1))
    sys.argv.insert(1, "serve")
    process.run = _sampled
    main()
