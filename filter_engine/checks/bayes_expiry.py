"""The module ``bayes_expiry``: its options. The controller walks through the tokens, no scan."""

from __future__ import annotations

from filter_engine.scan.declare import Stage, check
from filter_engine.scan.task import Task
from filter_engine.statistics.expiry import MODULE, ExpiryOptions


@check(
    MODULE,
    options=ExpiryOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(),
    has_work=lambda _options: False,
)
def bayes_expiry(_task: Task) -> None:
    """Nothing at a scan: tokens end in the controller's own time."""
