"""CPU a message of what is remembered: ``python -m bench.remembered`` (``PYTHONPATH=tests``).

Two scan workers of each engine with the same site on the same core, one with Bayes, greylisting,
rate limits, answers and history, one without; Redis has a core of its own. The recorded messages
go to each in turn; the difference is taken within a round. Bayes has learnt enough to look at each
message; Rspamd reads what this engine has learnt.
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
from .engines import Engine, installed
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
_KINDS = ("without", "with")


Spent = dict[str, list[float]]
"""Engine -> milliseconds of CPU a message that remembering costs, one a round."""


def write(site: Engine, dns: int, redis: int, *, remembers: bool) -> None:
    """Configure a worker that remembers, or one that does not."""
    site.configure(dns, redis)
    for name, text in WITH.items():
        line = text.format() if remembers else _OFF
        (site.place / "local.d" / name).write_text(line + "\n")


async def teach(port: int) -> None:
    """Let the Redis at ``port`` know enough that each message is looked at."""
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


def _send(site: Engine, sent: Sequence[bytes]) -> float:
    """Milliseconds of CPU a message."""
    before = figures.cpu_seconds(site.worker)
    load = asyncio.run(drive(site.port, sent, 8))
    if load.failed:
        raise SystemExit(f"{site.name}: {load.failed} messages were not answered")
    return 1e3 * (figures.cpu_seconds(site.worker) - before) / len(sent)


def measure(rounds: int, sent: Sequence[bytes]) -> Spent:
    """What remembering costs; each round is printed as it ends."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        zone = stack.enter_context(Zone(0))
        redis = stack.enter_context(Redis(0, place))
        sites = []
        for engine in installed():
            for kind in _KINDS:
                site = stack.enter_context(engine(place / f"{engine.name}-{kind}", 1))
                write(site, zone.port, redis.port, remembers=kind == "with")
                site.start()
                sites.append((engine.name, kind, site))
        asyncio.run(teach(redis.port))
        for _, _, site in sites:
            site.settle()
            warm_up(site, sent)
        spent: Spent = {engine.name: [] for engine in installed()}
        for number in range(rounds):
            turn = sites if number % 2 == 0 else sites[::-1]
            took = {(engine, kind): _send(site, sent) for engine, kind, site in turn}
            for engine, costs in spent.items():
                without, both = (took[engine, kind] for kind in _KINDS)
                costs.append(both - without)
                print(f"{engine}: without {without:.2f} ms, with {both:.2f} ms: {costs[-1]:.2f} ms")
        return spent


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=500)
    given = parser.parse_args()
    os.sched_setaffinity(0, {0})
    spent = measure(given.rounds, requests(given.messages))
    for engine, costs in spent.items():
        print(f"{engine}: median {median(costs):.2f} ms CPU a message (aim of ours {AIM} ms)")
    ours, *others = spent.values()
    for other in others:
        ratios = [one / two for one, two in zip(ours, other, strict=True)]
        print(f"by Rspamd: {min(ratios):.2f} / {median(ratios):.2f} / {max(ratios):.2f}")


if __name__ == "__main__":
    main()
