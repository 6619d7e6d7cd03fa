"""The module ``regexp``: the engine's own rules and those of a site, in one pass."""

from __future__ import annotations

from typing import Final

from filter_engine.checks.regexp import stock
from filter_engine.checks.regexp.book import RuleBook
from filter_engine.checks.regexp.matcher import Matcher
from filter_engine.checks.regexp.options import RegexpOptions, symbols_of
from filter_engine.checks.regexp.places import Texts
from filter_engine.checks.regexp.rule import read_rule
from filter_engine.checks.regexp.selecting import selector_of
from filter_engine.matching import DatabaseCache
from filter_engine.scan.declare import check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

NAME: Final = "regexp"


def prepare(options: RegexpOptions, setup: Setup) -> RuleBook:
    """Read and compile all rules; a site's rule takes the place of ours of the same name."""
    matcher = Matcher(NAME)
    rules = {
        rule.symbol.name: read_rule(rule.symbol.name, rule.expression, matcher)
        for rule in stock.RULES
        if rule.symbol.name not in options.active
    }
    for name, said in options.active.items():
        origin = said.origin("re")
        rules[name] = read_rule(
            name,
            said.re,
            matcher,
            origin=f"{origin.file}:{origin.line}",
            max_hits=said.max_hits,
        )
    matcher.compile(DatabaseCache.below(setup.config.variables.get("DBDIR")))
    return RuleBook(matcher, rules.values())


@check(
    NAME,
    symbols=stock.SYMBOLS,
    options=RegexpOptions,
    prepare=prepare,
    symbols_of=symbols_of,
    priority=10,  # others ask which of these hold
)
def regexp(task: Task) -> Outcome:
    """Rules of patterns and functions; ``value`` is the set of the names of those that hold."""
    book: RuleBook = task.state(NAME)
    limit = task.options(RegexpOptions).max_size
    texts = Texts(task.message, limit=limit, selector=selector_of(task))
    found = [
        Finding(rule.symbol, (), value, rule.evidence(matches))
        for rule, value, matches in book.holding(task, texts)
    ]
    return Outcome(tuple(found), value=frozenset([finding.symbol for finding in found]))
