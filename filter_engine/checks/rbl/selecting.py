"""What a site's selectors give of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filter_engine.checks.rbl.rules import Rule
from filter_engine.scan.task import Task


class Selecting:
    """The selectors of all rules."""

    def values(self, rule: Rule, task: Task) -> Mapping[str, Iterable[str]]:
        """Label -> what the rule's selector of that label gives."""
        return {}
