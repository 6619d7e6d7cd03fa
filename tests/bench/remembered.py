"""CPU a message of what is remembered: ``python -m bench.remembered`` (``PYTHONPATH=tests``).

Two scan workers with the same site on the same core, one with Bayes, greylisting, rate limits,
answers and history, one without; Redis has a core of its own. The recorded messages go to each in
turn; the difference is taken within a round. Bayes has learnt enough to look at each message.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from oracle.recording import samples

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Store
from filter_engine.statistics.bayes import Limits
from filter_engine.statistics.classifier import Classifier
from filter_engine.statistics.learning import learn
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.store.client import StoreClient

from . import figures
from .engines import Ours
from .load import drive
from .messages import requests
from .processes import Redis, Zone
from .rounds import warm_up

AIM = 0.6
"""Milliseconds."""
_LEARNT = 100
"""Messages of each class."""
WITH = {
    "classifier-bayes.conf": "min_learns = 10;",
    # Nothing waits: a message that does would be spared all else.
    "greylist.conf": 'timeout = 0s; action = "greylist";',
    "ratelimit.conf": 'rates {{ to = "1000000 / 1min"; to_ip_from = "1000000 / 1min"; }}',
    "replies.conf": "",
    "history_redis.conf": "",
}
"""Files below local.d of the worker that remembers."""
_OFF = "enabled = false;"


class _Site(Ours):
    def __init__(self, place: Path, core: int, name: str) -> None:
        super().__init__(place, core)
        self.name = name

    def write(self, dns: int, redis: int, *, remembers: bool) -> None:
        self.configure(dns, redis)
        for name, text in WITH.items():
            line = text.format() if remembers else _OFF
            (self.place / "local.d" / name).write_text(line + "\n")


async def _teach(port: int) -> None:
    where = RedisConfig(servers=parse_upstreams(f"127.0.0.1:{port}", 6379))
    options = ClassifierOptions()
    one = Classifier(options, Store("bayes", where), *options.symbols, Limits())
    stores = StoreClient(TableResolver({}))
    stores.open(asyncio.get_running_loop())
    try:
        left = {True: _LEARNT, False: _LEARNT}
        for sample in samples():
            spam = "/spam" in f"/{sample.path}"
            if left[spam]:
                left[spam] -= 1
                await learn(stores, [one], sample.raw, spam=spam, bulk=True)
    finally:
        stores.close()


def measure(rounds: int, sent: Sequence[bytes]) -> list[tuple[float, float]]:
    """Milliseconds of CPU a message, without and with, one pair a round."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        zone = stack.enter_context(Zone(0))
        redis = stack.enter_context(Redis(0, place))
        sites = [stack.enter_context(_Site(place / name, 1, name)) for name in ("without", "with")]
        for site in sites:
            site.write(zone.port, redis.port, remembers=site.name == "with")
            site.start()
        asyncio.run(_teach(redis.port))
        for site in sites:
            warm_up(site, sent)
        found = []
        for number in range(rounds):
            took = {}
            for site in sites if number % 2 == 0 else sites[::-1]:
                before = figures.cpu_seconds(site.worker)
                load = asyncio.run(drive(site.port, sent, 8))
                if load.failed:
                    raise SystemExit(f"{site.name}: {load.failed} messages were not answered")
                took[site.name] = 1e3 * (figures.cpu_seconds(site.worker) - before) / len(sent)
            found.append((took["without"], took["with"]))
        return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=500)
    given = parser.parse_args()
    os.sched_setaffinity(0, {0})
    pairs = measure(given.rounds, requests(given.messages))
    for without, both in pairs:
        print(f"without {without:.2f} ms, with {both:.2f} ms: {both - without:.2f} ms")
    cost = median(both - without for without, both in pairs)
    print(f"median {cost:.2f} ms CPU a message, aim {AIM} ms")


if __name__ == "__main__":
    main()
