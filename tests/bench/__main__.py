"""``make bench``: this engine and Rspamd in one run, on the messages of the recording.

The workers are pinned to one core, the client, the DNS server and Redis to another. All is on
loopback and is stopped at the end, also after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from oracle.recording import PROJECT, missing

from . import report
from .engines import Engine, Ours, Rspamd, installed
from .messages import requests
from .plot import draw
from .processes import Redis, Zone
from .rounds import CONCURRENCIES, Result, machine, now, paired, sampled, start_times

PLACE = PROJECT / ".cache" / "bench"
PAGE = PROJECT / "docs" / "performance.md"


def main() -> int:
    """Measure, print the tables, write JSON and PNG; 1 when it cannot be done."""
    asked = _arguments()
    absent = missing()
    cores = sorted(os.sched_getaffinity(0))
    if absent or len(cores) < 2:
        why = f"no {absent}: set ORACLE_DIR to the recording" if absent else "it takes two cores"
        print(f"no benchmark: {why}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _fast_loop()
    os.sched_setaffinity(0, {cores[0]})
    asked.out.mkdir(parents=True, exist_ok=True)
    messages = requests(asked.messages)
    stacks = asked.out / "samples.txt"
    result = Result(now(), machine(), len(messages), redis=asked.redis)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        zone = stack.enter_context(Zone(cores[0]))
        redis = stack.enter_context(Redis(cores[0], place)) if _has_redis(asked.redis) else None
        result.redis = redis is not None
        engines = [stack.enter_context(kind(place / kind.name, cores[1])) for kind in _kinds(asked)]
        for engine in engines:
            engine.configure(zone.port, redis.port if redis else None)
        if not asked.profile:
            if not asked.quick:
                _say(f"start-up of {', '.join(engine.name for engine in engines)}")
                result.starts = start_times(engines, asked.starts)
            levels = CONCURRENCIES[: 1 if asked.quick else None]
            _say(f"{asked.rounds} rounds of {len(messages)} messages at concurrency {levels}")
            paired(engines, zone, messages, asked.rounds, levels, result)
            for engine in engines:
                engine.stop()
        _say("where the time goes")
        ours = engines[0]
        assert isinstance(ours, Ours)
        samples = sampled(ours, zone, messages, stacks)
    if asked.profile:
        print(report.profile(samples))
        print("\n".join(f"{share:6.1%}  {name}" for name, share in samples.shares().items()))
        print(f"\nstacks (for flame graphs): {stacks}")
        return 0
    cost = result.middle(Ours.name, CONCURRENCIES[0], "cpu")
    result.stages = {name: share * cost for name, share in samples.shares().items()}
    print(report.text(result))
    (asked.out / "bench.json").write_text(json.dumps(result.as_dict(), indent=1) + "\n")
    drawn = draw(result, asked.out / "bench.png")
    print(f"written: {asked.out}/bench.json" + (", bench.png" if drawn else ""))
    if not drawn:
        print("no plot: matplotlib is not installed (pip install -e '.[bench]')")
    if asked.page:
        report.write_page(result, PAGE)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds")
    parser.add_argument("--messages", type=int, default=1500, help="messages of each pass")
    parser.add_argument("--starts", type=int, default=3, help="starts with what is kept on disk")
    parser.add_argument("--quick", action="store_true", help="one concurrency, no start times")
    parser.add_argument("--profile", action="store_true", help="only this engine's dearest code")
    parser.add_argument("--no-redis", dest="redis", action="store_false", help="leave Redis out")
    parser.add_argument("--alone", action="store_true", help="without Rspamd")
    parser.add_argument("--page", action="store_true", help="write the tables into docs/")
    parser.add_argument("--out", type=Path, default=PLACE, help="directory of what is written")
    return parser.parse_args()


def _kinds(asked: argparse.Namespace) -> list[type[Engine]]:
    if asked.alone or asked.profile:
        return [Ours]
    found = installed()
    if Rspamd not in found:
        print("no rspamd on this machine: this engine is measured alone", file=sys.stderr)
    return found


def _has_redis(asked: bool) -> bool:
    if asked and shutil.which("redis-server") is None:
        print("no redis-server on this machine: measured without Redis", file=sys.stderr)
        return False
    return asked


def _fast_loop() -> None:
    """The client must not be what limits the rate."""
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
