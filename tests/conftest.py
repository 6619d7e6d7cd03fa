"""What tests have in common: the examples of Hypothesis, and which stay together on one worker.

Hypothesis makes the same examples at every run, however slow the machine is: a run says something
of the change that it tests, not of luck. ``--hypothesis-profile=random`` looks for others, which
``@example`` keeps.

The mark ``xdist_group`` (``--dist loadgroup``) has no effect with pytest 9.2: xdist 3.8.0 writes
the group into an attribute that pytest no longer reads, and steps of one case end up before two
engines. So the groups are made here, by the names of the tests.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from xdist_groups import group_of

_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _ANY_SPEED, derandomize=True)
settings.register_profile("random", _ANY_SPEED)
settings.load_profile("same")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """The scheduler for ``--dist loadgroup``; the others are xdist's own."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByName(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByName(config, log)
