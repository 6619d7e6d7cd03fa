"""The order of the scenario's parts: what breaks hosts comes last, the longest when asked for."""

from __future__ import annotations

import os

import pytest

_LATE = ("test_limits", "test_training", "test_replication", "test_failover")
_ASKED_FOR = {
    "failover": frozenset(
        {
            "test_an_exchanger_crashes",
            "test_an_exchanger_freezes",
            "test_the_disk_under_redis_is_full",
            "test_without_any_redis_mail_is_filtered_with_what_is_left",
            "test_the_host_of_the_primary_is_cut_off_and_loses_its_place",
            "test_the_access_server_crashes_and_a_roll_out_undoes_no_promotion",
        }
    ),
}
"""Tests of a part that take minutes: they run by `make molecule-NAME` alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Modules that share the lab of `fleet` run after its own, in this order."""
    asked = os.environ.get("FLEET_PART", "")
    names = {name for part, tests in _ASKED_FOR.items() if part != asked for name in tests}
    away = [item for item in items if getattr(item, "originalname", "") in names]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]
    items.sort(key=lambda item: _LATE.index(item.path.stem) if item.path.stem in _LATE else -1)
