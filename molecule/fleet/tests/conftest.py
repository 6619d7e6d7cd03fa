"""The order of the scenario's parts: what breaks hosts comes last."""

from __future__ import annotations

import pytest

_LATE = ("test_limits", "test_training", "test_replication", "test_failover")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that share the lab of `fleet` run after its own, in this order."""
    items.sort(key=lambda item: _LATE.index(item.path.stem) if item.path.stem in _LATE else -1)
