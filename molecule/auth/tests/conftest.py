"""The table of verdicts, sent once for all tests that look at it."""

from __future__ import annotations

import pytest

from mailflow.trial import Site
from mailflow.verdicts import Case, Outcome, load, send_all


@pytest.fixture(scope="session")
def cases(site: Site) -> dict[str, Case]:
    """The table by name."""
    return {case.name: case for case in load(site.domain)}


@pytest.fixture(scope="session")
def outcomes(site: Site, cases: dict[str, Case]) -> dict[str, Outcome]:
    """What became of each mail of the table."""
    return send_all(site, cases.values())
