"""A store that did not answer is told, since what it would have said is missing from the score."""

from __future__ import annotations

from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding


@check(
    "store",
    module="store",
    stage=Stage.POSTFILTER,
    symbols=(
        Symbol(
            "STORE_FAIL", 0.0, "Checks are missing: their store did not answer", ("statistics",)
        ),
    ),
    after_pre_result=True,
)
def store(task: Task) -> list[Finding]:
    """The modules whose store failed, and why."""
    if not task.lost_stores:
        return []
    why = "; ".join(f"{name}: {what}" for name, what in task.lost_stores.items())
    return [Finding("STORE_FAIL", tuple(sorted(task.lost_stores)), evidence=why)]
