"""Scores of the actions."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation

#: (the milder action, one that is harsher for the sender); others may stand in any order.
_ORDER = (
    ("greylist", "add_header"),
    ("greylist", "rewrite_subject"),
    ("greylist", "reject"),
    ("add_header", "reject"),
    ("rewrite_subject", "reject"),
    ("quarantine", "reject"),
)


@rule(
    "threshold-order",
    doc="A milder action has a higher score than a harsher one, or a score is below zero: the "
    "action with the highest score that a message reaches is taken, so that the worst messages "
    "get the milder action, or good ones a harsh one.",
)
def threshold_order(situation: Situation) -> Iterator[Finding]:
    """What is taken is told by ``ActionsConfig.thresholds``."""
    actions = situation.config.actions
    for milder, harsher in _ORDER:
        low, high = getattr(actions, milder), getattr(actions, harsher)
        if low is None or high is None or low <= high:
            continue
        at = actions.origin(milder)
        if situation.is_shipped(at):
            at = actions.origin(harsher)
        yield situation.finding(
            "threshold-order",
            at,
            f"{milder} = {low:g} is above {harsher} = {high:g}: a message with {low:g} or more "
            f"gets {milder}, not {harsher}",
            f"write a score below {high:g} for {milder}, or null to switch one of them off",
        )
    for name in actions.wire_names:
        score = getattr(actions, name)
        if score is not None and score < 0:
            yield situation.finding(
                "threshold-order",
                actions.origin(name),
                f"{name} = {score:g}: messages that nothing speaks against get this action",
                f"write a score above 0, or {name} = null; to switch it off",
            )
