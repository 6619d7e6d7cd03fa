"""Spam traps: which addresses they are, and who is taught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from filter_engine.config.findings import Finding
from filter_engine.config.model import Config
from filter_engine.config.modules_state import has_redis
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation


@rule(
    "trap-without-addresses",
    doc="spamtrap is on, and has neither a map nor a store that its addresses could be keys of "
    "(Redis, backend = sqlite): no address is a trap.",
)
def trap_without_addresses(situation: Situation) -> Iterator[Finding]:
    """The traps are named somewhere."""
    config = situation.config
    traps: Any = config.modules.get("spamtrap")
    section = config.raw_modules.get("spamtrap")
    if traps is None or section is None or not config.is_enabled("spamtrap"):
        return
    if traps.map is None and traps.backend != "sqlite" and not has_redis(config, "spamtrap"):
        enabled = section.get("enabled")
        yield situation.finding(
            "trap-without-addresses",
            traps.written_at("map") if enabled is None else enabled.origin,
            "spamtrap knows no address: it has no map, and no Redis that keys could be in",
            'write map = "..."; with the addresses (docs/limits.md), or servers of Redis',
        )


@rule(
    "untaught-trap",
    doc="spamtrap has learn_fuzzy, and no rule of fuzzy_check both may be taught (not read_only) "
    "and has the list fuzzy_flag; or it has learn_spam, and no classifier learns (allow_learn): "
    "what comes to the traps is not learnt.",
)
def untaught_trap(situation: Situation) -> Iterator[Finding]:
    """Somebody learns what the traps catch."""
    config = situation.config
    traps: Any = config.modules.get("spamtrap")
    if traps is None or not config.is_enabled("spamtrap"):
        return
    if traps.learn_fuzzy and (why := _no_storage(config, traps.fuzzy_flag)):
        yield situation.finding(
            "untaught-trap",
            traps.origin("learn_fuzzy"),
            f"spamtrap.learn_fuzzy teaches nobody: {why}",
            "write a rule of fuzzy_check that may be taught and has that list, or learn_fuzzy = "
            "false; on a mail exchanger see docs/limits.md",
        )
    if traps.learn_spam and not _learns(config):
        yield situation.finding(
            "untaught-trap",
            traps.origin("learn_spam"),
            "spamtrap.learn_spam teaches nobody: no classifier is on that may learn",
            "switch a classifier on, with allow_learn, or write learn_spam = false",
        )


def _no_storage(config: Config, flag: int) -> str:
    """Why no storage of hashes takes list ``flag``; empty where one does."""
    fuzzy: Any = config.modules.get("fuzzy_check")
    on = fuzzy is not None and config.is_enabled("fuzzy_check")
    rules = [one for one in fuzzy.rule.values() if one.enabled] if on else []
    if not rules:
        return "fuzzy_check has no rule"
    listed = [one for one in rules if any(e.flag == flag for e in one.fuzzy_map.values())]
    if not listed:
        return f"no rule of fuzzy_check has a list with flag = {flag} (fuzzy_flag)"
    if all(one.writing is None for one in listed):
        return f"the rules of fuzzy_check with flag = {flag} only read (read_only, no servers)"
    return ""


def _learns(config: Config) -> bool:
    classifier: Any = config.modules.get("classifier")
    return (
        classifier is not None
        and config.is_enabled("classifier")
        and any(one.enabled and one.allow_learn for one in classifier.every)
    )
