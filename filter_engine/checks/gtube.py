"""GTUBE, the test pattern that every filter has to catch (https://spamassassin.apache.org/gtube/)."""

from __future__ import annotations

from typing import Final

from filter_engine.config.model import OptionsConfig
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

# Not written in one piece: a copy of this file in a mail is no test pattern.
_TAIL: Final = b"JS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_ACTIONS: Final = {
    b"X": Action.REJECT,
    b"Y": Action.ADD_HEADER,
    b"Z": Action.REWRITE_SUBJECT,
    b"A": Action.NO_ACTION,
}
_MESSAGE: Final = "Gtube pattern"


@check(
    "gtube",
    stage=Stage.PREFILTER,
    priority=200,
    symbols=(Symbol("GTUBE", 0.0, "The GTUBE test pattern", ("gtube",), always=True),),
)
def gtube(task: Task) -> Outcome | None:
    """The pattern in a text part decides by itself; its variants only with gtube_patterns = all."""
    options = task.options(OptionsConfig)
    everything = options.gtube_patterns == "all" or options.enable_test_patterns
    if options.gtube_patterns == "disabled":
        return None
    for part in task.message.text_parts:
        content = part.content
        at = content.find(_TAIL)
        while at >= 0:
            variant = content[at - 1 : at]
            action = _ACTIONS.get(variant)
            if action is not None and (action is Action.REJECT or everything):
                finding = Finding("GTUBE", evidence=f"variant {variant.decode()}*")
                return Outcome((finding,), pre_result=PreResult(action, _MESSAGE, "gtube", 100))
            at = content.find(_TAIL, at + 1)
    return None
