"""Settings: which rule a mail falls under, and the plan that the rule makes of the whole one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from filter_engine.config.settings import AddressPattern, SettingsApply, SettingsRule
from filter_engine.scan.composites import Composites
from filter_engine.scan.declare import Check, Stage
from filter_engine.scan.metric import Score
from filter_engine.scan.plan import Plan
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A rule with what follows from it; made once a configuration, not once a mail."""

    name: str
    rule: SettingsRule
    plan: Plan
    findings: tuple[Finding, ...]
    """Symbols that the rule sets."""
    subject: str
    """Template of a rewritten subject, empty to leave it as configured."""
    skip: bool
    """Such mail is not scanned at all."""


class Settings:
    """The rules of a configuration."""

    def __init__(self, rules: Mapping[str, SettingsRule], plan: Plan) -> None:
        made = [_chosen(name, rule, plan) for name, rule in rules.items()]
        self._by_id = {chosen.rule.id: chosen for chosen in made if chosen.rule.id}
        self._by_condition = sorted(
            (c for c in made if c.rule.has_condition or not c.rule.id),
            key=lambda chosen: -chosen.rule.priority,
        )
        self._unknown_ids = set[str]()

    def choose(self, task: Task) -> Chosen | None:
        """The rule of a mail: the one its Settings-ID names, else the first that fits."""
        if task.envelope.settings_id:
            named = self._by_id.get(task.envelope.settings_id)
            if named is not None:
                return named
            self._warn(task.envelope.settings_id)
        for chosen in self._by_condition:
            if fits(chosen.rule, task):
                return chosen
        return None

    def _warn(self, settings_id: str) -> None:
        if settings_id not in self._unknown_ids and len(self._unknown_ids) < 100:
            self._unknown_ids.add(settings_id)
            log.warning("no settings have the id %r (said once)", settings_id[:100])


def fits(rule: SettingsRule, task: Task) -> bool:
    """Whether every condition of a rule holds, the cheap ones first."""
    envelope, message = task.envelope, task.message
    if rule.authenticated is not None and rule.authenticated is not task.authenticated:
        return False
    if rule.local is not None and rule.local is not task.local:
        return False
    if rule.ip is not None and (task.ip is None or task.ip not in rule.ip):
        return False
    if rule.user and not _any(rule.user, [envelope.user] if envelope.user else []):
        return False
    if rule.sender and not _any(
        rule.sender, [] if envelope.mail_from is None else [envelope.mail_from]
    ):
        return False
    if rule.rcpt and not _any(rule.rcpt, envelope.rcpt_to):
        return False
    hostname = envelope.hostname
    if rule.hostname and not (hostname and any(p.fits(hostname) for p in rule.hostname)):
        return False
    if rule.from_mime and not _any(rule.from_mime, [a.email for a in message.from_addresses]):
        return False
    if rule.rcpt_mime and not _any(rule.rcpt_mime, [a.email for a in (*message.to, *message.cc)]):
        return False
    return not rule.header or _has_header(rule, task)


def _any(patterns: Iterable[AddressPattern], addresses: Iterable[str]) -> bool:
    found = list(addresses)
    return any(pattern.fits(address) for pattern in patterns for address in found)


def _has_header(rule: SettingsRule, task: Task) -> bool:
    for name, wanted in rule.header.items():
        values = [header.value for header in task.message.get_all(name)]
        if isinstance(wanted, bool):
            if bool(values) is wanted:
                return True
        elif any(wanted.fits(value) for value in values):
            return True
    return False


def _chosen(name: str, rule: SettingsRule, plan: Plan) -> Chosen:
    apply = rule.apply
    return Chosen(
        name=name,
        rule=rule,
        plan=_applied(apply, plan),
        findings=tuple(Finding(symbol) for symbol in apply.symbols),
        subject=apply.subject,
        skip=rule.whitelist or "skip" in apply.flags,
    )


def _applied(apply: SettingsApply, plan: Plan) -> Plan:
    scores = {
        name: replace(score, enabled=score.enabled and _is_left(name, score, apply))
        for name, score in plan.scores.items()
    }
    for name, value in apply.scores.items():
        if value is not None:
            scores[name] = replace(scores.get(name, Score(0.0)), value=value)
    needed = _needed(plan.checks, scores, apply)
    stages = tuple(
        replace(
            stage,
            asking=tuple(check for check in stage.asking if check.name in needed),
            plain=tuple(check for check in stage.plain if check.name in needed),
        )
        for stage in plan.stages
    )
    thresholds = dict(plan.thresholds)
    for action, limit in apply.actions.items():
        if limit is None:
            thresholds.pop(Action.parse(action), None)
        else:
            thresholds[Action.parse(action)] = limit
    return replace(
        plan,
        checks=tuple(check for check in plan.checks if check.name in needed),
        stages=tuple(stage for stage in stages if stage.asking or stage.plain),
        scores=scores,
        thresholds=thresholds,
        composites=Composites(plan.composites.configured, scores),
    )


def _is_left(name: str, score: Score, apply: SettingsApply) -> bool:
    groups = set(score.groups)
    if name in apply.symbols_disabled or groups & set(apply.groups_disabled):
        return False
    if not apply.restricts or name in apply.symbols:
        return True
    return name in apply.symbols_enabled or bool(groups & set(apply.groups_enabled))


def _needed(
    checks: Iterable[Check], scores: Mapping[str, Score], apply: SettingsApply
) -> frozenset[str]:
    """Checks of which a symbol is left, those they ask, and what runs before settings do."""
    by_name = {check.name: check for check in checks}
    pending = [
        check.name
        for check in by_name.values()
        if any(scores[symbol.name].enabled for symbol in check.symbols)
        or (not check.symbols and not apply.restricts)
        or (apply.restricts and check.stage <= Stage.PREFILTER)
    ]
    found = set[str]()
    while pending:
        name = pending.pop()
        if name in by_name and name not in found:
            found.add(name)
            pending.extend(by_name[name].needs)
    return frozenset(found)
