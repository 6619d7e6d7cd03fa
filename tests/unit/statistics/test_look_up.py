"""What stores say of tokens: those of one kind and the same counts are one row."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filter_engine.config.redis import RedisConfig
from filter_engine.dns.table import TableResolver
from filter_engine.scan.store import Store, StoreAnswer
from filter_engine.statistics.bayes import Counts, Limits
from filter_engine.statistics.classifier import Classifier, counts_of
from filter_engine.statistics.options import ClassifierOptions
from filter_engine.statistics.tokens import Tokens
from filter_engine.store.client import StoreClient
from real_stores import KINDS, store_of


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with store_of(request.param, "bayes", tmp_path) as made:
        yield made


def looked_up(
    store: Store, learnt: dict[bytes, bytes], known: dict[int, dict[bytes, bytes]], tokens: Tokens
) -> Counts:
    one = Classifier(ClassifierOptions(), store, "BAYES_SPAM", "BAYES_HAM", Limits())

    async def run() -> StoreAnswer:
        client = StoreClient(TableResolver({}))
        client.open(asyncio.get_running_loop())
        try:
            assert (await client.answer(store.put(b"RS", learnt))).ok
            for token, fields in known.items():
                assert (await client.answer(store.put(b"RS_%d" % token, fields))).ok
            return await client.answer(one.look_up(tokens, ""))
        finally:
            client.close()

    answer = asyncio.run(run())
    assert answer.ok, answer.evidence
    return counts_of(answer)


LEARNT = {b"learns_spam": b"7", b"learns_ham": b"5"}
MOST = 2**32 - 1


def test_rows_are_in_the_order_of_their_first_tokens(store: Store) -> None:
    big = 2**64 - 1
    known = {
        big: {b"S": b"3", b"H": b"1"},
        20: {b"S": b"3", b"H": b"1"},
        30: {b"H": b"12"},
        40: {b"S": b"3", b"H": b"1"},
        50: {b"S": b"31"},
    }
    tokens = Tokens(array("Q", [30, big, 20, 99, 50, 40]), b"\x02\x01\x01\x04\x01\x05", 5)
    found = looked_up(store, LEARNT, known, tokens)
    assert (found.learnt_spam, found.learnt_ham) == (7, 5)
    assert found.known == [(2, 0, 12, 1), (1, 3, 1, 2), (1, 31, 0, 1), (5, 3, 1, 1)]


def test_counts_are_bounded(store: Store) -> None:
    known = {
        1: {b"S": b"99999999999", b"H": b"-4"},
        2: {b"S": b"0", b"H": b"0"},
    }
    found = looked_up(store, LEARNT, known, Tokens(array("Q", [1, 2]), b"\x01\x01", 2))
    assert found.known == [(1, MOST, 0, 1), (1, 0, 0, 1)]


def test_no_token_is_asked_for_before_both_classes_were_learnt(store: Store) -> None:
    known = {1: {b"S": b"1"}}
    found = looked_up(store, {b"learns_spam": b"7"}, known, Tokens(array("Q", [1]), b"\x01", 1))
    assert found == Counts(7, 0, [])


@pytest.mark.parametrize("odd", [b"abc", b"1.5", b"1e3", b"inf", b"-4", b" 7 ", b"1_000", b""])
def test_what_is_no_number_is_nothing(store: Store, odd: bytes) -> None:
    tokens = Tokens(array("Q", [1, 2, 3]), b"\x01\x01\x01", 3)
    known = {1: {b"S": odd, b"H": b"2"}, 2: {b"other": b"1"}, 3: {b"H": odd}}
    assert looked_up(store, LEARNT, known, tokens).known == [(1, 0, 2, 1), (1, 0, 0, 1)]
    assert looked_up(store, LEARNT | {b"learns_ham": odd}, known, tokens) == Counts(7, 0, [])


def test_numbers_learnt_are_bounded(store: Store) -> None:
    learnt = {b"learns_spam": b"9" * 30, b"learns_ham": b"5"}
    found = looked_up(store, learnt, {}, Tokens(array("Q", [1]), b"\x01", 1))
    assert found == Counts(MOST, 5, [])


def taught(store: Store, fields: dict[bytes, dict[bytes, bytes]], *, unlearn: bool = False) -> Any:
    """The answer to a lesson of tokens 1 and 2, and what is known afterwards."""
    one = Classifier(ClassifierOptions(), store, "BAYES_SPAM", "BAYES_HAM", Limits())
    tokens = Tokens(array("Q", [1, 2]), b"\x01\x01", 2)

    async def run() -> Any:
        client = StoreClient(TableResolver({}))
        client.open(asyncio.get_running_loop())
        try:
            for key, known in fields.items():
                question = store.put(key, known) if known else store.push(key, b"a list")
                assert (await client.answer(question)).ok
            ask = one.unlearn if unlearn else one.learn
            said = await client.answer(ask(tokens, "", spam=True))
            after = [
                await client.answer(store.fields(key, b"S", b"H", b"learns_spam", b"learns_ham"))
                for key in (b"RS_1", b"RS_2", b"RS")
            ]
            return said, [answer.value for answer in after]
        finally:
            client.close()

    return asyncio.run(run())


ID = Tokens(array("Q", [1, 2]), b"\x01\x01", 2).digest("")


@pytest.mark.parametrize("odd", [b"abc", b"1.5", b"inf", b""])
def test_a_lesson_takes_what_is_no_number_for_nothing(store: Store, odd: bytes) -> None:
    fields = {
        b"RS": {b"learns_spam": odd, b"learns_ham": b"3"},
        b"RS_1": {b"S": b"4", b"H": b"2"},
        b"RS_2": {b"S": odd, b"H": odd},
    }
    said, (one, two, learnt) = taught(store, fields | {b"learned_ids": {ID: b"-1"}})
    assert said.value == b"relearned"
    assert one[:2] == [b"5", b"1"]
    assert two[:2] == [b"1", odd]
    assert learnt[2:] == [b"1", b"2"]
    said, (one, two, learnt) = taught(store, {b"RS": {b"learns_spam": odd}}, unlearn=True)
    assert said.value == b"unlearned"
    assert (one[:2], two[:2], learnt[2:]) == ([b"4", b"1"], [b"0", odd], [b"0", b"2"])


def test_a_key_of_another_type_ends_no_lesson(store: Store) -> None:
    """Half done, it would be tried again, and the first half would count twice."""
    if not isinstance(store.where, RedisConfig):
        pytest.skip("there are no types in SQLite")
    said, (one, two, learnt) = taught(store, {b"RS_2": {}})
    assert said.value == b"learned"
    assert (one[:1], two, learnt[2]) == ([b"1"], None, b"1")
    said, (one, two, learnt) = taught(store, {}, unlearn=True)
    assert said.value == b"unlearned"
    assert (one[:1], two, learnt[2]) == ([b"0"], None, b"0")


@pytest.mark.parametrize("key", [b"RS", b"learned_ids", b"BAYES_SPAM_keys"])
def test_what_ends_a_lesson_does_so_before_its_first_token(store: Store, key: bytes) -> None:
    if not isinstance(store.where, RedisConfig):
        pytest.skip("there are no types in SQLite")
    said, (one, *_) = taught(store, {key: {}})
    assert not said.ok
    assert "WRONGTYPE" in said.detail
    assert one == [None, None, None, None]
