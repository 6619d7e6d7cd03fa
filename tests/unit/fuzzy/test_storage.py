"""What changes leave in a store, in Redis as in SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filter_engine.fuzzy.protocol import DIGEST, SHINGLES, Command, Request
from filter_engine.fuzzy.storage import Near, Shelf, nearest
from filter_engine.scan.store import Store
from real_stores import KINDS, Run, asking, store_of

ONE, OTHER = b"1" * DIGEST, b"2" * DIGEST
ALL = tuple(range(SHINGLES))


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with store_of(request.param, "fuzzy", tmp_path) as made:
        yield made


@pytest.fixture
def run() -> Iterator[Run]:
    with asking() as ask:
        yield ask


def change(digest: bytes, command: Command = Command.WRITE, flag: int = 1) -> Request:
    return Request(command, digest, 7, ALL, flag=flag, value=5)


def test_a_hash_that_is_forgotten_leaves_the_shingles_of_another(store: Store, run: Run) -> None:
    shelf = Shelf(store)
    run(shelf.change(change(ONE), 1.0))
    run(shelf.change(change(OTHER), 2.0))
    assert run(shelf.change(change(ONE, Command.DELETE), 3.0)) == 1
    assert nearest(run(shelf.near(ALL))) == Near(OTHER, 1.0)
    assert run(shelf.change(change(OTHER, Command.DELETE), 4.0)) == 1
    assert nearest(run(shelf.near(ALL))) is None
    assert run(shelf.count()) == b"0"


def test_a_hash_that_was_met_again_lives_on_with_its_shingles(store: Store, run: Run) -> None:
    run(Shelf(store, expire=2.0).change(change(ONE), 1.0))
    run(Shelf(store, expire=600.0).refresh(ONE, ALL))
    run(Shelf(store, "none", expire=2.0).change(change(ONE), 1.0))
    end = time.monotonic() + 30.0
    while any(run(Shelf(store, "none").near(ALL))):  # of the same time
        assert time.monotonic() < end
        time.sleep(0.2)
    assert run(Shelf(store).exact(ONE)) == [b"5", b"1", b"1"]
    assert nearest(run(Shelf(store).near(ALL))) == Near(ONE, 1.0)


@pytest.mark.parametrize(("common", "found"), [(16, None), (17, Near(ONE, 17 / SHINGLES))])
def test_more_than_half_of_the_shingles_make_a_near_duplicate(
    common: int, found: Near | None
) -> None:
    assert nearest([ONE] * common + [None] * (SHINGLES - common)) == found
