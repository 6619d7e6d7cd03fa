"""How a verdict came about, for those who want to explain it."""

from __future__ import annotations

from filter_engine.lazy_dataclass import settled
from filter_engine.scan.composites import Matched
from filter_engine.scan.metric import Decision
from filter_engine.scan.plan import Plan
from filter_engine.scan.settings import Chosen
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, PreResult


@settled
class Trace:
    """What a scan does not tell in its verdict."""

    task: Task
    plan: Plan
    """As the settings of this mail have it."""
    settings: Chosen | None
    findings: tuple[Finding, ...]
    """Those of checks and settings, in the order they were made."""
    weighed: tuple[Finding, ...]
    """The same with those of composites, in the order they were weighed."""
    matched: Matched | None
    """What the composites made of them."""
    pre_results: tuple[PreResult, ...]
    decision: Decision
