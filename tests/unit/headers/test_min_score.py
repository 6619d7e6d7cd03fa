"""``min_score``: headers that tell of the score are for mail that has one."""

from __future__ import annotations

import pytest

from .conftest import MAIL, Site

FORGED = b"X-Spam-Level: *****\r\nX-Spamd-Result: default: False [0.00 / 1.00]\r\n" + MAIL
OPTIONS = """
use = ["x-spam-level", "authentication-results"]; extended_spam_headers = true; min_score = 2.0;
"""


@pytest.mark.parametrize(("score", "told"), [(1.99, False), (2.0, True)])
def test_below_the_score_nothing_is_told_and_what_came_along_goes(
    site: Site, score: float, told: bool
) -> None:
    rule = f"LUNCH {{ re = 'Subject=/Lunch/'; score = {score}; }}"
    scan = site(milter_headers=OPTIONS, regexp=rule)
    edits = scan(FORGED, settings="symbols_enabled = [LUNCH];").edits
    added = {header.name for header in edits.add}
    scored = {"X-Spam-Level", "X-Spamd-Result", "X-Rspamd-Server", "X-Rspamd-Action"}
    assert added & scored == (scored if told else set())
    assert "Authentication-Results" in added
    assert {header.name for header in edits.remove} >= scored
