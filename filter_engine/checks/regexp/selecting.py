"""What selectors give, for patterns that are looked for in it."""

from __future__ import annotations

from functools import lru_cache

from filter_engine.checks.regexp.places import Selector
from filter_engine.scan.task import Task
from filter_engine.selectors import Selector as Compiled
from filter_engine.selectors import SelectorError, compile_selector


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Compiled | None:
    try:
        return compile_selector(text, delimiter=" ")
    except SelectorError:
        return None  # told when the rule was read


def selector_of(task: Task) -> Selector:
    """The texts of a selector in a mail; of several expressions joined with a blank."""

    def values(text: str) -> tuple[str, ...]:
        selector = _compiled(text)
        return () if selector is None else selector.values(task)

    return values
