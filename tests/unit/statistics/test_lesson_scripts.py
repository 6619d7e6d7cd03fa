"""What a lesson leaves in a store, in Redis as in SQLite: keys and numbers are Rspamd's."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.scan.store import Store
from filter_engine.statistics.bayes import Limits
from filter_engine.statistics.classifier import Classifier
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.statistics.tokens import Tokens
from real_stores import KINDS, Run, asking, store_of
from redis_server import PROGRAM, RedisServer


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with store_of(request.param, "bayes", tmp_path) as made:
        yield made


@pytest.fixture
def run() -> Iterator[Run]:
    with asking() as ask:
        yield ask


def classifier(store: Store, expire: float = 0.0) -> Classifier:
    options = ClassifierOptions(expire=expire)
    return Classifier(options, store, "BAYES_SPAM", "BAYES_HAM", Limits())


def tokens(*values: int) -> Tokens:
    return Tokens(array("Q", values), b"\x01" * len(values), len(values))


def counts(store: Store, run: Run, *values: int) -> list[list[bytes | None]]:
    """Of each token, how often it was seen in spam and in ham."""
    return [run(store.fields(b"RS_%d" % value, b"S", b"H")) for value in values]


def whole(store: Store, run: Run, key: bytes) -> dict[bytes, bytes]:
    found = run(store.everything(key))
    return dict(zip(found[::2], found[1::2], strict=True))


def test_a_lesson_and_the_same_as_the_other_class(store: Store, run: Run) -> None:
    one, mail = classifier(store), tokens(1, 2, 3)
    assert run(one.learn(mail, "", spam=True)) == b"learned"
    assert run(one.learn(mail, "", spam=True)) == b"known"
    assert counts(store, run, 1, 2, 3) == [[b"1", None]] * 3
    run(store.delete(b"RS_2"))  # it ended meanwhile
    assert run(one.learn(mail, "", spam=False)) == b"relearned"
    assert counts(store, run, 1, 2, 3) == [[b"0", b"1"], [None, b"1"], [b"0", b"1"]]
    assert whole(store, run, b"RS") == {b"version": b"2", b"learns_spam": b"0", b"learns_ham": b"1"}
    assert whole(store, run, b"learned_ids") == {mail.digest(""): b"-1"}


def test_a_lesson_taken_back(store: Store, run: Run) -> None:
    one, mail = classifier(store), tokens(1, 2)
    assert run(one.learn(mail, "", spam=True)) == b"learned"
    assert run(one.unlearn(mail, "", spam=False)) == b"unknown"
    run(store.delete(b"RS_2"))
    assert run(one.unlearn(mail, "", spam=True)) == b"unlearned"
    assert counts(store, run, 1, 2) == [[b"0", None], [None, None]]
    assert run(store.fields(b"RS", b"learns_spam", b"learns_ham")) == [b"0", None]
    assert whole(store, run, b"learned_ids") == {}


def test_tokens_end(store: Store, run: Run) -> None:
    run(classifier(store, expire=1.0).learn(tokens(1), "", spam=True))
    run(classifier(store).learn(tokens(2), "", spam=True))
    end = time.monotonic() + 20.0
    while counts(store, run, 1) != [[None, None]]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert counts(store, run, 2) == [[b"1", None]]


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_rspamd_finds_the_prefix_of_each_class(tmp_path: Path, run: Run) -> None:
    with RedisServer(tmp_path / "redis") as server:
        where = RedisConfig(servers=parse_upstreams(server.name, 6379), timeout=20.0)
        one = classifier(Store("bayes", where))
        run(one.learn(tokens(1), "", spam=True))
        assert server.say("SMEMBERS", "BAYES_SPAM_keys") == b"*1\r\n$2\r\nRS\r\n"
        server.say("DEL", "BAYES_SPAM_keys")  # as of a lesson of a classifier of other names
        run(one.learn(tokens(1), "", spam=False))
        assert server.say("SMEMBERS", "BAYES_HAM_keys") == b"*1\r\n$2\r\nRS\r\n"
        assert server.say("SMEMBERS", "BAYES_SPAM_keys") == b"*1\r\n$2\r\nRS\r\n"
