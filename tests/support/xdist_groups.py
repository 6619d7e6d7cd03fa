"""The groups of tests that stay together on one worker, by their names."""

from __future__ import annotations

import re

_SUITE = re.compile(r"^tests/conformance/rspamd/test_suites\.py::test_case\[(001_merged|[^-\]]+)")
"""Cases of one configuration are answered by one engine; 001_merged is one of many suites."""
_ORACLE = "tests/oracle/"
"""Rspamd and Redis are started once for all of them."""


def group_of(nodeid: str) -> str:
    """The group of a test; of one that is alone, its own name."""
    if nodeid.startswith(_ORACLE):
        return _ORACLE
    found = _SUITE.match(nodeid)
    return found[1] if found else nodeid
