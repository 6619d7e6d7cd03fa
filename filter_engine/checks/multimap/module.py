"""The checks of the module: rules that ask nobody, that need answers, that look at symbols, and
those that look before everything else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from filter_engine.checks.multimap.hash_key import hash_key
from filter_engine.checks.multimap.options import MultimapOptions, MultimapRule, symbols_of
from filter_engine.checks.multimap.redis_rule import RedisRule
from filter_engine.checks.multimap.rule import CombinedRule, ListRule, MapRule, Rule, pre_result
from filter_engine.checks.multimap.rule_text import RuleText
from filter_engine.checks.multimap.types import TABLE
from filter_engine.config.expression import Atom
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask, Question
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome
from filter_engine.selectors import Selector

log = logging.getLogger(__name__)

_PLAIN: Final = "multimap"
_ASKING: Final = "multimap_asking"
_LATE: Final = "multimap_late"
_PREFILTER: Final = "multimap_prefilter"
_TEXTS: Final = "multimap_rules"


def check_of(rule: MultimapRule) -> str:
    """The check that runs a rule."""
    if rule.type == "regexp_rules":
        return _TEXTS
    used = _selectors(rule)
    if (
        rule.require_symbols is not None
        or TABLE[rule.type].late
        or any(selector.late for selector in used)
    ):
        return _LATE
    if TABLE[rule.type].asks or rule.in_redis or any(selector.needs for selector in used):
        return _ASKING
    return _PREFILTER if rule.prefilter else _PLAIN


def _selectors(rule: MultimapRule) -> list[Selector]:
    """Those that a rule reads the mail with."""
    found = [part.selector for part in rule.rules.values()] + [rule.selector]
    if rule.in_redis:
        found.append(hash_key(rule.map.sources[0].location, rule.delimiter).selector)
    return [selector for selector in found if selector is not None]


def _needs_network(rule: MultimapRule) -> bool:
    """Whether the client's network has to be known first."""
    if TABLE[rule.type].asks and rule.type != "dnsbl":
        return True
    return any(selector.needs for selector in _selectors(rule))


def _rules(name: str, options: MultimapOptions) -> Iterator[tuple[str, MultimapRule]]:
    for key, rule in options.rules.items():
        if rule.enabled and check_of(rule) == name:
            yield key, rule


def _prepare(name: str) -> Callable[[MultimapOptions, Setup], tuple[Rule, ...]]:
    def prepare(options: MultimapOptions, setup: Setup) -> tuple[Rule, ...]:
        made = (_made(key, rule, options, setup) for key, rule in _rules(name, options))
        return tuple(_in_order([rule for rule in made if rule is not None]))

    return prepare


def _made(name: str, rule: MultimapRule, options: MultimapOptions, setup: Setup) -> Rule | None:
    """The rule that a site wrote under ``name``; None where there is no Redis for its map."""
    if rule.type == "dnsbl":
        return ListRule(name, rule)
    if rule.type == "combined":
        return CombinedRule(name, rule, setup.maps)
    if not rule.in_redis:
        return MapRule(name, rule, setup.maps)
    store = setup.module_store("multimap", options, prefixed=False)
    if store is None:
        at = rule.written_at("map")
        log.warning("%s: multimap %r: no Redis: write redis { servers = ... }", at, name)
        return None
    return RedisRule(name, rule, store)


def _has_rules(name: str) -> Callable[[MultimapOptions], bool]:
    return lambda options: any(_rules(name, options))


def _symbols(name: str) -> Callable[[MultimapOptions], Iterable[Symbol]]:
    def symbols(options: MultimapOptions) -> Iterator[Symbol]:
        for key, rule in _rules(name, options):
            yield from symbols_of(key, rule)

    return symbols


def _in_order(rules: list[Rule]) -> list[Rule]:
    """Rules after those whose symbols they ask for; as written where they ask for each other."""
    by_symbol = {rule.symbol: rule for rule in rules}
    asked: dict[str, set[str]] = {}
    for rule in rules:
        expression = rule.options.require_symbols
        names = {atom.name for atom in expression.atoms} if expression is not None else set()
        asked[rule.symbol] = (names | {rule.options.target_symbol}) & by_symbol.keys()
    if len(by_symbol) < len(rules):
        return rules
    try:
        return [by_symbol[name] for name in TopologicalSorter(asked).static_order()]
    except CycleError:
        return rules


_declare = partial(check, symbols=(), module="multimap", options=MultimapOptions)


@_declare(_PREFILTER, stage=Stage.PREFILTER, prepare=_prepare(_PREFILTER),
          has_work=_has_rules(_PREFILTER), symbols_of=_symbols(_PREFILTER))  # fmt: skip
def prefilter(task: Task) -> Outcome | None:
    """Rules with ``prefilter``; what they force ends the scan."""
    return _run(task, task.state(_PREFILTER))


@_declare(
    _PLAIN, prepare=_prepare(_PLAIN), has_work=_has_rules(_PLAIN), symbols_of=_symbols(_PLAIN)
)
def plain(task: Task) -> Outcome | None:
    """Rules that need the mail alone."""
    return _run(task, task.state(_PLAIN))


@_declare(
    _ASKING,
    prepare=_prepare(_ASKING),
    has_work=_has_rules(_ASKING),
    symbols_of=_symbols(_ASKING),
    needs=("asn",),
)
async def asking(task: Task, ask: Ask) -> Outcome | None:
    """Rules that need DNS, Redis, or the client's network."""
    rules = [rule for rule in task.state(_ASKING) or () if rule.wanted(task)]
    waiting = [rule for rule in rules if _needs_network(rule.options)]
    first = [rule for rule in rules if rule not in waiting]
    said = await _answers(task, ask, first, waits=bool(waiting))
    said.update(await _answers(task, ask, waiting))
    return _run(task, rules, said)


@_declare(_LATE, stage=Stage.CLASSIFIER, prepare=_prepare(_LATE), has_work=_has_rules(_LATE),
          symbols_of=_symbols(_LATE), needs=("asn",))  # fmt: skip
async def late(task: Task, ask: Ask) -> Outcome | None:
    """Rules that look at the symbols of the stages before, and of each other."""
    rules = [rule for rule in task.state(_LATE) or () if rule.wanted(task)]
    return _run(task, rules, await _answers(task, ask, rules))


async def _answers(
    task: Task, ask: Ask, rules: Sequence[Rule], *, waits: bool = False
) -> dict[Rule, list[Finding]]:
    """What each rule that asks is told, all at once; with ``waits`` also for the network."""
    asked: list[tuple[Rule, Sequence[Question[Any]]]] = []
    for rule in rules:
        questions = rule.questions(task)
        if questions:
            asked.append((rule, questions))
    open_ones = [question for _, questions in asked for question in questions]
    network = (ask.result("asn"),) if waits else ()
    if not (open_ones or network):
        return {}
    answers = await ask.all(*open_ones, *network)
    told: dict[Rule, list[Finding]] = {}
    at = 0
    for rule, questions in asked:
        told[rule] = list(rule.answered(task, answers[at : at + len(questions)]))
        at += len(questions)
    return told


def _prepare_texts(options: MultimapOptions, setup: Setup) -> tuple[RuleText, ...]:
    return tuple(RuleText(key, rule, setup) for key, rule in _rules(_TEXTS, options))


@_declare(_TEXTS, prepare=_prepare_texts, has_work=_has_rules(_TEXTS), symbols_of=_symbols(_TEXTS))
def rules(task: Task) -> list[Finding]:
    """Texts of rules."""
    texts: tuple[RuleText, ...] = task.state(_TEXTS) or ()
    return [finding for text in texts for finding in text.findings(task)]


def _run(
    task: Task, rules: Iterable[Rule], told: Mapping[Rule, Sequence[Finding]] | None = None
) -> Outcome | None:
    findings: list[Finding] = []
    forced = None
    for rule in rules:
        asked = told.get(rule) if told else None
        if asked is None and rule.idle:
            continue
        if not rule.wanted(task) or not _holds(rule, task, findings):
            continue
        found = list(rule.findings(task) if asked is None else asked)
        findings += found
        if found and forced is None:
            forced = pre_result(rule)
    return Outcome(tuple(findings), pre_result=forced) if findings else None


def _holds(rule: Rule, task: Task, findings: list[Finding]) -> bool:
    """Whether the symbols that the rule requires are there."""
    expression = rule.options.require_symbols
    if expression is None:
        return True
    present = {f.symbol for f in (*task.findings, *findings) if task.is_wanted(f.symbol)}

    def worth(atom: Atom) -> float:
        if not atom.group:
            return float(atom.name in present)
        scores = (task.scores[name] for name in present if name in task.scores)
        return float(
            any(
                atom.name in score.groups
                and (atom.group == "g" or (score.value > 0) == (atom.group == "g+"))
                for score in scores
            )
        )

    return bool(expression.value(worth))
