"""Patterns for tests of the filter itself."""

from __future__ import annotations

from collections.abc import Iterator

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation


@rule(
    "test-patterns",
    doc="Any sender can choose the action with a GTUBE pattern, no action among them, and so pass "
    "the filter. A laboratory ignores this code.",
)
def test_patterns(situation: Situation) -> Iterator[Finding]:
    """``gtube_patterns = "all"``."""
    options = situation.config.options
    for attribute, is_on, instead in (
        ("gtube_patterns", options.gtube_patterns == "all", 'write gtube_patterns = "reject"'),
        ("enable_test_patterns", options.enable_test_patterns, "remove it"),
    ):
        at = options.origin(attribute)
        if is_on and not situation.is_shipped(at):
            yield situation.finding(
                "test-patterns",
                at,
                f"{attribute} serves every test pattern: a sender who puts one into a message "
                "chooses what happens to it, and so passes the filter",
                f"{instead}; a laboratory says --ignore test-patterns",
            )
