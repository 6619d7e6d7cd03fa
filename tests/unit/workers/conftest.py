from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from .engine import Engine

MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Makes engines that are gone after the test; nothing is started yet."""
    made: list[Engine] = []

    def make(local: Mapping[str, str] | None = None) -> Engine:
        engine = Engine(tmp_path / f"e{len(made)}", local)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running engine for tests that leave it as it is."""
    running = Engine(tmp_path_factory.mktemp("engine") / "e")
    try:
        yield running.start()
    finally:
        running.close()
