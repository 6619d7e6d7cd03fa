"""One engine for all cases of a configuration that follow each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .cases import Case
from .engine import Engine, MissingError, StartError

Serve = Callable[[Case], Engine]


class _Engines:
    """The engine of the configuration that is at work; the next one ends it."""

    def __init__(self, directory: Callable[[str], Path]) -> None:
        self._directory = directory
        self._name = ""
        self._engine: Engine | None = None
        self._fault: MissingError | StartError | None = None

    def of(self, case: Case) -> Engine:
        restart = any(step.get("start") == "engine" for step in case.said["pre"])
        if case.configuration != self._name or restart:
            self.close()
            self._name, self._fault = case.configuration, None
            self._engine = Engine(case, self._directory("engine"))
            try:
                self._engine.start()
            except (MissingError, StartError) as error:
                self._fault = error
        if isinstance(self._fault, MissingError):
            pytest.skip(str(self._fault))
        if self._fault is not None:
            pytest.fail(str(self._fault))
        assert self._engine is not None
        return self._engine

    def close(self) -> None:
        if self._engine is not None:
            self._engine.stop()
        self._engine = None


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """The engine of a case's configuration, started when its first case comes."""
    engines = _Engines(lambda name: tmp_path_factory.mktemp(name))
    yield engines.of
    engines.close()
