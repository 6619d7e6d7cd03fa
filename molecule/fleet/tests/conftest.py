"""The order of the scenario's parts: what breaks hosts comes last, and only when asked for."""

from __future__ import annotations

import os

import pytest

_LATE = ("test_limits", "test_training", "test_replication", "test_failover")
_ASKED_FOR = frozenset({"replication", "failover"})
"""Parts that run by `make molecule-NAME` alone: they have not been run whole yet."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Modules that share the lab of `fleet` run after its own, in this order."""
    asked = os.environ.get("FLEET_PART", "")
    modules = {f"test_{part}" for part in _ASKED_FOR - {asked}}
    away = [item for item in items if item.path.stem in modules]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]
    items.sort(key=lambda item: _LATE.index(item.path.stem) if item.path.stem in _LATE else -1)
