"""The smallest change to another action is one, and does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from filter_engine.explain.explanation import VerdictExplanation
from filter_engine.explain.flips import Flip
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action

Explained = Callable[..., VerdictExplanation]
MAIL = b"""\
From: Bob <bob@sender.example>
To: alice@example.net
Subject: Win $1,000!
Message-ID: <1@sender.example>

Hello
"""
OUTSIDE = Envelope(ip="198.51.100.7", mail_from="bob@sender.example", rcpt_to=("a@example.net",))
LIMITS = (
    "greylist = 1.25;\nadd_header = 3.55;\nreject = 15;\n",
    "greylist = 4;\nadd_header = 6;\nreject = 15;\n",
    "greylist = null;\nadd_header = 0.1;\nreject = 6.33;\n",
    "greylist = 2;\nadd_header = 2;\nreject = null;\n",
)
COMPOSITES = 'BOTH { expression = "MISSING_DATE & SUBJECT_HAS_CURRENCY"; score = 2.5; }'


def without(name: str) -> str:
    return f'symbols {{ "{name}" {{ enabled = false; }} }}'


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("composites", ["", COMPOSITES])
def test_each_change_leads_to_the_action(
    explained: Explained, limits: str, composites: str
) -> None:
    """Every proposal is tried as a site would: in its files, with a new scan."""
    site = {"composites__conf": composites}
    found = explained(MAIL, OUTSIDE, actions__conf=limits, **site)
    assert found.flips
    for flip in found.flips:
        proposals = list(_proposals(flip, limits))
        assert proposals
        for groups, actions, action in proposals:
            then = explained(MAIL, OUTSIDE, actions__conf=actions, groups__conf=groups, **site)
            assert then.action is action, (flip, groups, actions)


def _proposals(flip: Flip, limits: str) -> list[tuple[str, str, Action | None]]:
    """(groups.conf, actions.conf, action) of each way that a flip names."""
    found: list[tuple[str, str, Action | None]] = []
    if flip.without:
        found.append(("\n".join(map(without, flip.without)), limits, flip.without_gives))
    if flip.score is not None:
        name, then = flip.score.symbol, flip.score.then
        found.append((f'symbols {{ "{name}" {{ score = {then}; }} }}', limits, flip.action))
    if flip.threshold is not None:
        key = flip.threshold.action.value.replace(" ", "_")
        changed, count = re.subn(rf"{key} = [^;]+", f"{key} = {flip.threshold.then}", limits)
        assert count == 1
        found.append(("", changed, flip.action))
    return found


def test_one_symbol_is_named_where_one_suffices(explained: Explained) -> None:
    found = explained(MAIL, OUTSIDE, actions__conf="greylist = null; add_header = 10;")
    milder, harsher = found.flips
    assert milder.action is Action.NO_ACTION
    assert len(milder.without) == 1
    assert milder.gap <= 0.0 < harsher.gap
    assert harsher.action is Action.REJECT
    assert harsher.without == ()  # nothing here counts for the mail


def test_changes_are_small(explained: Explained) -> None:
    found = explained(MAIL, OUTSIDE, actions__conf="greylist = 4; add_header = 6; reject = 15;")
    for flip in found.flips:
        assert flip.score is not None
        assert flip.threshold is not None
        assert abs(flip.score.then - flip.score.now) <= abs(flip.gap) + 0.03
        assert abs(flip.threshold.then - flip.threshold.now) <= abs(flip.gap) + 0.011


def test_nothing_is_proposed_without_symbols(explained: Explained) -> None:
    found = explained(
        MAIL,
        OUTSIDE,
        options__inc="",
        actions__conf="reject = null; add_header = null; greylist = null;",
    )
    assert found.flips == ()
    assert found.action is Action.NO_ACTION
