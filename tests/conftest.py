"""Which tests stay together on one worker of pytest-xdist (``--dist loadgroup``).

The mark ``xdist_group`` has no effect with pytest 9.2: xdist 3.8.0 writes the group into an
attribute that pytest no longer reads, and steps of one case end up before two engines. So the
groups are made here, by the names of the tests.
"""

from __future__ import annotations

from typing import Any

import pytest

from xdist_groups import group_of


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
