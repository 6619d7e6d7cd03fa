"""The checks of the module: rules that ask nobody, that need answers, that look at symbols, and
those that look before everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Final

from filter_engine.checks.multimap.options import MultimapOptions, MultimapRule, symbols_of
from filter_engine.checks.multimap.rule import Rule, make_rule, pre_result
from filter_engine.checks.multimap.rule_text import RuleText
from filter_engine.checks.multimap.types import TABLE
from filter_engine.config.expression import Atom
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_PLAIN: Final = "multimap"
_ASKING: Final = "multimap_asking"
_LATE: Final = "multimap_late"
_PREFILTER: Final = "multimap_prefilter"
_TEXTS: Final = "multimap_rules"


def check_of(rule: MultimapRule) -> str:
    """The check that runs a rule."""
    if rule.type == "regexp_rules":
        return _TEXTS
    selectors = [part.selector for part in rule.rules.values()] + [rule.selector]
    used = [selector for selector in selectors if selector is not None]
    if (
        rule.require_symbols is not None
        or TABLE[rule.type].late
        or any(selector.late for selector in used)
    ):
        return _LATE
    if TABLE[rule.type].asks or any(selector.needs for selector in used):
        return _ASKING
    return _PREFILTER if rule.prefilter else _PLAIN


def _rules(name: str, options: MultimapOptions) -> Iterator[tuple[str, MultimapRule]]:
    for key, rule in options.rules.items():
        if rule.enabled and check_of(rule) == name:
            yield key, rule


def _prepare(name: str) -> Callable[[MultimapOptions, Setup], tuple[Rule, ...]]:
    def prepare(options: MultimapOptions, setup: Setup) -> tuple[Rule, ...]:
        rules = [make_rule(key, rule, setup.maps) for key, rule in _rules(name, options)]
        return tuple(_in_order(rules))

    return prepare


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
    """Rules that need DNS, or the client's network."""
    rules = [rule for rule in task.state(_ASKING) or () if rule.wanted(task)]
    if not rules:
        return None
    listed = await _listed(task, ask, rules)
    if any(rule.options.type != "dnsbl" for rule in rules):
        await ask.result("asn")
    return _run(task, rules, listed)


@_declare(_LATE, stage=Stage.CLASSIFIER, prepare=_prepare(_LATE), has_work=_has_rules(_LATE),
          symbols_of=_symbols(_LATE), needs=("asn",))  # fmt: skip
async def late(task: Task, ask: Ask) -> Outcome | None:
    """Rules that look at the symbols of the stages before, and of each other."""
    rules = [rule for rule in task.state(_LATE) or () if rule.wanted(task)]
    if not rules:
        return None
    return _run(task, rules, await _listed(task, ask, rules))


def _prepare_texts(options: MultimapOptions, setup: Setup) -> tuple[RuleText, ...]:
    return tuple(RuleText(key, rule, setup) for key, rule in _rules(_TEXTS, options))


@_declare(_TEXTS, prepare=_prepare_texts, has_work=_has_rules(_TEXTS), symbols_of=_symbols(_TEXTS))
def rules(task: Task) -> list[Finding]:
    """Texts of rules."""
    texts: tuple[RuleText, ...] = task.state(_TEXTS) or ()
    return [finding for text in texts for finding in text.findings(task)]


def _run(
    task: Task, rules: Iterable[Rule], listed: Mapping[str, Finding] | None = None
) -> Outcome | None:
    findings: list[Finding] = []
    forced = None
    for rule in rules:
        if not rule.wanted(task) or not _holds(rule, task, findings):
            continue
        if rule.zone:
            found = [(listed or {})[rule.symbol]] if rule.symbol in (listed or {}) else []
        else:
            found = list(rule.findings(task))
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


async def _listed(task: Task, ask: Ask, rules: Iterable[Rule]) -> dict[str, Finding]:
    """Symbol -> the finding, of the rules of type dnsbl whose zone has the client's address."""
    if task.ip is None:
        return {}
    lists = [rule for rule in rules if rule.zone]
    if not lists:
        return {}
    reverse = task.ip.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    names = [f"{reverse}.{rule.zone}" for rule in lists]
    answers = await ask.all(*(ask.dns(name, "A") for name in names))
    return {
        rule.symbol: Finding(
            rule.symbol, (rule.zone,), 1.0, f"{name} A: {', '.join(map(str, answer.records))}"
        )
        for rule, name, answer in zip(lists, names, answers, strict=True)
        if answer.records
    }
