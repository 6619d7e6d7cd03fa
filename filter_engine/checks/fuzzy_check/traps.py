"""Mail to addresses nobody uses is taught to the storages of fuzzy hashes (module spamtrap)."""

from __future__ import annotations

from typing import NamedTuple

from filter_engine.checks.fuzzy_check.module import rules_of
from filter_engine.checks.fuzzy_check.options import FuzzyCheckOptions
from filter_engine.checks.fuzzy_check.rule import Rule
from filter_engine.checks.remembered.spamtrap import SpamtrapOptions
from filter_engine.checks.trapped import trapped
from filter_engine.fuzzy.hashes import Texts, hashes_of
from filter_engine.fuzzy.protocol import Command
from filter_engine.scan.declare import Stage, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Outcome


class _Taught(NamedTuple):
    rules: tuple[Rule, ...]
    flag: int
    weight: int


def _prepare(options: FuzzyCheckOptions, setup: Setup) -> _Taught | None:
    traps = setup.config.modules.get("spamtrap")
    if not isinstance(traps, SpamtrapOptions) or not traps.learn_fuzzy:
        return None
    flag = traps.fuzzy_flag
    rules = tuple(
        rule
        for rule in rules_of(options, setup)
        if any(entry.flag == flag for entry in options.rule[rule.name].fuzzy_map.values())
        and rule.writing is not None
    )
    return _Taught(rules, flag, round(traps.fuzzy_weight)) if rules else None


@check(
    "fuzzy_traps",
    module="fuzzy_check",
    options=FuzzyCheckOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(),
    prepare=_prepare,
    has_work=lambda options: any(rule.writing for rule in options.rule.values()),
)
def fuzzy_traps(task: Task) -> Outcome | None:
    """Teach its texts, pictures and attachments; nobody waits for the storages."""
    state: _Taught | None = task.state("fuzzy_traps")
    if state is None or not trapped(task).as_hashes:
        return None
    texts = Texts(task.message)
    asked = (
        rule.teach(
            Command.WRITE,
            hashes_of(texts, rule.policy, rule.hashing),
            state.flag,
            state.weight,
        )
        for rule in state.rules
    )
    return Outcome(notices=tuple(one.exchange for one in asked if one is not None))
