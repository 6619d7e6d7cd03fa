"""Either filter judges by what the other has learnt, and comes to the same.

The real Rspamd and a Redis of its own run on loopback. Both learn the same mail, one after the
other; then both judge other mail by each training. They may differ where their tokens do: which
language a text is in, the order of several links (docs/statistics.md).
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from math import floor
from pathlib import Path
from typing import NamedTuple

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.store import Store
from filter_engine.statistics.bayes import Limits, judge
from filter_engine.statistics.classifier import Classifier, counts_of
from filter_engine.statistics.learning import LearnStatus, Lesson, learn
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.statistics.tokens import tokens_of
from filter_engine.store.client import StoreClient
from redis_server import PROGRAM, RedisServer, free_port

from .live import Rspamd
from .recording import missing, samples

if missing():
    pytest.skip(f"no {missing()}; set ORACLE_DIR", allow_module_level=True)
if shutil.which("rspamd") is None or PROGRAM is None:
    pytest.skip("no rspamd or no redis-server", allow_module_level=True)

LEARNT = 25
"""Mails of each class that are learnt."""
JUDGED = 25
"""Of each class."""
SAME = 0.8
"""Share of the mails judged that have the same symbol and the same percentage, to a hundredth."""
ALIKE = 0.95
"""Share in which the score differs by less than half a point."""


class Said(NamedTuple):
    symbol: str
    percentage: str
    score: float


class Both:
    """Rspamd and this engine's classifier on one Redis."""

    def __init__(self, folder: Path) -> None:
        self.redis = RedisServer(folder / "redis").start()
        self.controller = free_port()
        servers = f'servers = "{self.redis.name}";'
        self.rspamd = Rspamd(
            {
                "redis.conf": servers,
                "classifier-bayes.conf": "min_learns = 1;",
                "worker-controller.inc": (
                    f'bind_socket = "127.0.0.1:{self.controller}"; secure_ip = "127.0.0.1";'
                ),
            }
        ).__enter__()
        where = RedisConfig(servers=parse_upstreams(self.redis.name, 6379))
        options = ClassifierOptions(min_learns=1)
        limits = Limits(min_learns=1)
        self.classifier = Classifier(options, Store("bayes", where), *options.symbols, limits)

    def close(self) -> None:
        self.rspamd.__exit__()
        self.redis.stop()

    def forget(self) -> None:
        self.redis.say("FLUSHALL")

    def rspamd_learns(self, raw: bytes, spam: bool) -> bytes:
        path = "/learnspam" if spam else "/learnham"
        port, self.rspamd.port = self.rspamd.port, self.controller
        try:
            return self.rspamd.ask(raw, {"Learn-Type": "bulk"}, path)
        finally:
            self.rspamd.port = port

    def rspamd_says(self, raw: bytes) -> Said | None:
        symbols = json.loads(self.rspamd.ask(raw, {}))["symbols"]
        for name in self.classifier.spam, self.classifier.ham:
            if name in symbols:
                found = symbols[name]
                return Said(name, found["options"][0], found["score"])
        return None

    def learn(self, mails: list[tuple[bytes, bool]]) -> list[Lesson]:
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

    def say(self, mails: list[bytes]) -> list[Said | None]:
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
        said = judge(counts_of(answer), tokens.distances, tokens.text, one.limits)
        if said.spam is None:
            return None
        shown = f"{floor(said.certainty * 10_000) / 100:.2f}%"
        return Said(
            one.spam if said.spam else one.ham, shown, said.weight * (5.1 if said.spam else -3.0)
        )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    found = Both(tmp_path_factory.mktemp("both"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def mails() -> tuple[list[tuple[bytes, bool]], list[bytes]]:
    """What is learnt, and what is judged."""
    spam = [s.raw for s in samples() if "/spam" in f"/{s.path}"][: LEARNT + JUDGED]
    ham = [s.raw for s in samples() if "ham" in s.path.partition(".")[0]][: LEARNT + JUDGED]
    assert len(spam) == len(ham) == LEARNT + JUDGED
    lessons = [(raw, True) for raw in spam[:LEARNT]] + [(raw, False) for raw in ham[:LEARNT]]
    return lessons, spam[LEARNT:] + ham[LEARNT:]


@pytest.mark.xdist_group("oracle")
@pytest.mark.parametrize("teacher", ["rspamd", "this engine"])
def test_what_one_has_learnt_the_other_judges_by(
    both: Both, mails: tuple[list[tuple[bytes, bool]], list[bytes]], teacher: str
) -> None:
    lessons, judged = mails
    both.forget()
    if teacher == "rspamd":
        for raw, spam in lessons:
            both.rspamd_learns(raw, spam)
    else:
        both.learn(lessons)
    ours = both.say(judged)
    theirs = [both.rspamd_says(raw) for raw in judged]
    known = [said for said in theirs if said is not None]
    assert len(known) > len(judged) / 2, "the training is of use"
    pairs = list(zip(ours, theirs, strict=True))
    same = sum(1 for one, other in pairs if _shown(one) == _shown(other))
    alike = sum(1 for one, other in pairs if abs(_score(one) - _score(other)) < 0.5)
    print(f"taught by {teacher}: {same} same, {alike} alike of {len(pairs)}")
    assert same >= SAME * len(pairs), [pair for pair in pairs if _shown(pair[0]) != _shown(pair[1])]
    assert alike >= ALIKE * len(pairs)


def _shown(said: Said | None) -> tuple[str, ...] | None:
    return None if said is None else said[:2]


def _score(said: Said | None) -> float:
    return 0.0 if said is None else said.score


@pytest.mark.xdist_group("oracle")
def test_each_knows_what_the_other_has_learnt(
    both: Both, mails: tuple[list[tuple[bytes, bool]], list[bytes]]
) -> None:
    """``learned_ids``: of mail whose tokens are the same."""
    raw = PLAIN
    both.forget()
    assert b'"success":true' in both.rspamd_learns(raw, True)
    (again,) = both.learn([(raw, True)])
    assert again.status is LearnStatus.KNOWN
    (moved,) = both.learn([(raw, False)])
    assert moved.status is LearnStatus.RELEARNED
    assert b"already learned" in both.rspamd_learns(raw, False)
    said = both.redis.say("HMGET", "RS", "learns_spam", "learns_ham")
    assert said == b"*2\r\n$1\r\n0\r\n$1\r\n1\r\n"


PLAIN = b"""From: Ann <ann@example.org>
Subject: minutes of the meeting in the garden
Date: Sat, 21 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

The gardeners of our village came together yesterday evening and talked about the apple
trees, which carried many apples this year, about the fence near the river and about money
that we need for new tools. Everybody agreed that the fence should be painted in spring.
The next meeting takes place at the house of the treasurer, who promised to bring coffee.
"""
