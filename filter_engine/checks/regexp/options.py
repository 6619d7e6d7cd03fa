"""The section ``regexp``: rules of a site, ``regexp { NAME { re = "..."; score = 1.0; } }``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.checks.regexp.atoms import RuleError
from filter_engine.checks.regexp.faults import fault_of
from filter_engine.checks.regexp.matcher import Matcher
from filter_engine.checks.regexp.rule import read_rule
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SIZE,
    STRING,
    WORDS,
    at_least,
    merged_object,
    rules_of,
    text_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    REST,
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    declare_known,
    known,
    option,
)
from filter_engine.config.tell import tell_control_characters
from filter_engine.scan.declare import Symbol
from filter_engine.ucl.nodes import UclNode

_LUA: Kind[str] = Kind("Lua code", STRING.convert)


def _rule_text(nodes: list[UclNode], binder: Binder) -> str:
    text = text_of(nodes[0]).strip()
    tell_control_characters(text, nodes[0], binder)
    try:
        read_rule("", text, Matcher(""))
    except RuleError as error:
        raise MisfitError(
            str(error), "write for example Subject=/pattern/i & !/pattern/{mime}", nodes[0]
        ) from None
    return text


RULE: Kind[str] = Kind("expression of regular expressions", _rule_text)


@options_class
class RegexpRuleOptions(Section):
    """``regexp.NAME``: one rule; the name is its symbol."""

    anchor: ClassVar[str] = "modules/regexp"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        lua=known(_LUA, doc="the rule as Lua"),
        condition=known(_LUA, doc="whether the rule runs"),
        expression_flags=known(WORDS, doc="how the expression is worked out, e.g. noopt"),
        mime_only=known(BOOLEAN, False, doc="skip what is no mail"),
        type=known(STRING, doc="stage of the symbol"),
        nshots=known(INTEGER, doc="how often the symbol counts: write it in the group"),
        priority=known(INTEGER, doc="priority among the groups that score the symbol"),
        one_param=known(BOOLEAN, doc="keep one option only"),
    )

    re: str = option(RULE, "", doc="expression of patterns and functions", aliases=("expression",))
    score: float = option(NUMBER, 0.0, doc="score of the symbol", aliases=("weight",))
    description: str = option(STRING, "", doc="what people read about the symbol")
    groups: tuple[str, ...] = option(WORDS, (), doc="its groups", key="group", aliases=("groups",))
    one_shot: bool = option(BOOLEAN, False, doc="count once")
    max_hits: int = option(at_least(INTEGER, 1), 1, doc="so often a pattern counts in a sum")
    enabled: bool = option(BOOLEAN, True, doc="use the rule")


_BOUND: Final = rules_of(RegexpRuleOptions, "regexp", plain="re")


def _rules(nodes: list[UclNode], binder: Binder) -> Mapping[str, RegexpRuleOptions]:
    """Bind the rules; what is wrong with one as a whole is told, and the rule left out."""
    kept: dict[str, RegexpRuleOptions] = {}
    entries = merged_object(nodes).entries
    for name, rule in _BOUND.convert(nodes, binder).items():
        fault = None
        if rule.enabled:
            fault = fault_of(name, has_expression=bool(rule.re), written=entries[name])
        if fault is None:
            kept[name] = rule
            continue
        message, hint = fault
        text = f"regexp {name!r}: {message}: the rule is left out"
        binder.report(Severity.WARNING, "rule-not-served", entries[name][0], text, hint)
    return MappingProxyType(kept)


RULES: Kind[Mapping[str, RegexpRuleOptions]] = Kind(
    _BOUND.name, _rules, multiple=_BOUND.multiple, inner=RegexpRuleOptions, named=True, plain=True
)


@options_class
class RegexpOptions(Section):
    """Rules of regular expressions."""

    anchor: ClassVar[str] = "modules/regexp"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        max_threads=known(INTEGER, doc="threads, older versions"),
    )

    max_size: int = option(SIZE, 0, unit="bytes", doc="looked at of a text; 0: all of it")
    rules: Mapping[str, RegexpRuleOptions] = option(
        RULES, MappingProxyType({}), key=REST, doc="a rule"
    )

    @property
    def active(self) -> Mapping[str, RegexpRuleOptions]:
        """The rules that are used, by symbol."""
        return {name: rule for name, rule in self.rules.items() if rule.enabled and rule.re}


def symbols_of(options: RegexpOptions) -> list[Symbol]:
    """The symbols of a site's rules."""
    return [
        Symbol(
            name,
            rule.score,
            rule.description,
            rule.groups,
            rule.one_shot,
            origin=rule.written_at("score"),
        )
        for name, rule in options.active.items()
    ]
