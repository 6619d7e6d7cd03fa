"""Rspamd and this engine's classifier, each teaching or judging, on one Redis of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from math import floor
from pathlib import Path
from typing import Final, NamedTuple

from support.ports import free_port
from support.redis_server import RedisServer

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.store import Store
from filter_engine.statistics.bayes import Limits, judge
from filter_engine.statistics.classifier import Classifier, counts_of
from filter_engine.statistics.learning import Lesson, learn
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.statistics.tokens import tokens_of
from filter_engine.store.client import StoreClient

from .live import Rspamd

#: Header of a request to Rspamd that asks for nothing but the classifier.
ONLY_BAYES: Final[Mapping[str, str]] = {
    "Settings": '{"symbols_enabled": ["BAYES_SPAM", "BAYES_HAM"]}'
}


class Said(NamedTuple):
    symbol: str
    percentage: str
    score: float


class Both:
    """Rspamd and this engine's classifier on one Redis."""

    def __init__(self, folder: Path) -> None:
        self.redis = RedisServer(folder / "redis").start()
        self.controller = free_port()
        servers = f'servers = "{self.redis.name}"; timeout = 20s;'
        self.rspamd = Rspamd(
            {
                "redis.conf": servers,
                "classifier-bayes.conf": "min_learns = 1;",
                "worker-controller.inc": (
                    f'bind_socket = "127.0.0.1:{self.controller}"; secure_ip = "127.0.0.1";'
                ),
            }
        ).__enter__()
        where = RedisConfig(servers=parse_upstreams(self.redis.name, 6379), timeout=20.0)
        options = ClassifierOptions(min_learns=1)
        limits = Limits(min_learns=1)
        self.classifier = Classifier(options, Store("bayes", where), *options.symbols, limits)

    def close(self) -> None:
        self.rspamd.__exit__()
        self.redis.stop()

    def forget(self) -> None:
        self.redis.say("FLUSHALL", "ASYNC")

    def rspamd_learns(self, raw: bytes, spam: bool) -> bytes:
        path = "/learnspam" if spam else "/learnham"
        port, self.rspamd.port = self.rspamd.port, self.controller
        try:
            return self.rspamd.ask(raw, {"Learn-Type": "bulk"}, path)
        finally:
            self.rspamd.port = port

    def rspamd_says(self, raw: bytes, headers: Mapping[str, str] | None = None) -> Said | None:
        symbols = json.loads(self.rspamd.ask(raw, headers or {}))["symbols"]
        for name in self.classifier.spam, self.classifier.ham:
            if name in symbols:
                found = symbols[name]
                return Said(name, found["options"][0], found["score"])
        return None

    def learn(self, mails: Sequence[tuple[bytes, bool]]) -> list[Lesson]:
        async def every() -> list[Lesson]:
            stores = StoreClient(TableResolver({}))
            stores.open(asyncio.get_running_loop())
            try:
                return [
                    await learn(stores, [self.classifier], raw, spam=spam, bulk=True)
                    for raw, spam in mails
                ]
            finally:
                stores.close()

        return asyncio.run(every())

    def say(self, mails: Sequence[bytes]) -> list[Said | None]:
        async def every() -> list[Said | None]:
            stores = StoreClient(TableResolver({}))
            stores.open(asyncio.get_running_loop())
            try:
                return [await self._say(stores, raw) for raw in mails]
            finally:
                stores.close()

        return asyncio.run(every())

    async def _say(self, stores: StoreClient, raw: bytes) -> Said | None:
        one = self.classifier
        tokens = tokens_of(Message(raw))
        if one.fits(tokens):
            return None
        answer = await stores.answer(one.look_up(tokens, ""))
        said = judge(counts_of(answer), len(tokens.values), tokens.text, one.limits)
        if said.spam is None:
            return None
        shown = f"{floor(said.certainty * 10_000) / 100:.2f}%"
        return Said(
            one.spam if said.spam else one.ham, shown, said.weight * (5.1 if said.spam else -3.0)
        )
