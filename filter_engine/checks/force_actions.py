"""Rules of a site that force an action (module force_actions).

Source: Rspamd's documentation of the module. Rules are looked at in order of writing, when all
filters and composites have ended; the first that fits decides, one marked ``least`` only when the
action so far is milder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from filter_engine.config.expression import Atom, Expression, ExpressionError, parse_expression
from filter_engine.config.kinds import (
    BOOLEAN,
    NUMBER,
    STRING,
    list_of,
    nullable,
    sections_of,
    text_of,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.origin import Origin
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Binder, Kind, MisfitError, Option, Section, option
from filter_engine.config.tell import tell
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.metric import SEVERITY
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult, SymbolResult
from filter_engine.ucl.nodes import UclNode

if TYPE_CHECKING:
    from filter_engine.scan.setup import Setup
    from filter_engine.selectors import Selector

_PREFIX: Final = "FORCE_ACTION_"
_LEAST: Final = 0.001
"""What a symbol that weighs nothing is worth in an expression: enough to be true."""
_PLACEHOLDER: Final = re.compile(r"\$\{(.+?)\}")
_MAX_MESSAGE: Final = 512
"""Characters of a reply (RFC 5321, section 4.5.3.1.5)."""


def _expression(nodes: list[UclNode], _binder: Binder) -> Expression:
    try:
        return parse_expression(text_of(nodes[0]))
    except ExpressionError as error:
        raise MisfitError(str(error), "write for example A & !(B | C)") from None


def _action(nodes: list[UclNode], _binder: Binder) -> Action:
    text = text_of(nodes[0])
    try:
        return Action.parse(text)
    except ValueError:
        known = ", ".join(action.value for action in Action)
        raise MisfitError(f"{text!r} is no action", f"known: {known}") from None


_EXPRESSION: Kind[Expression] = Kind("expression", _expression)
_ACTION: Kind[Action] = Kind("action", _action)


@options_class
class ForceRule(Section):
    """``force_actions.rules.NAME``: an expression over symbols and the action it forces."""

    anchor: ClassVar[str] = "modules/force_actions"

    action: Action | None = option(nullable(_ACTION), None, doc="action that is forced")
    expression: Expression | None = option(nullable(_EXPRESSION), None, doc="symbols that force it")
    message: str = option(
        STRING, "", doc="text of the SMTP reply; ${selector} gives what the selector finds"
    )
    subject: str = option(STRING, "", doc="template of a rewritten subject")
    require_action: tuple[Action, ...] = option(
        list_of(_ACTION),
        (),
        doc="only when the action so far is one of these",
        aliases=("raction",),
    )
    honor_action: tuple[Action, ...] = option(
        list_of(_ACTION), (), doc="not when the action so far is one of these"
    )
    least: bool = option(BOOLEAN, False, doc="only when the action so far is milder")
    process_all: bool = option(BOOLEAN, False, doc="go on with the checks that are left")
    limit: float | None = option(
        nullable(NUMBER), None, doc="value of the expression above which the rule holds"
    )
    enabled: bool = option(BOOLEAN, True, doc="whether the rule is looked at")
    description: str = option(STRING, "", doc="what the rule is for")


@options_class
class ForceActionsOptions(Section):
    """Rules by name."""

    anchor: ClassVar[str] = "modules/force_actions"
    known: ClassVar[Mapping[str, Option]] = unserved("force_actions")

    rules: Mapping[str, ForceRule] = option(
        sections_of(ForceRule, "force_actions.rules"),
        MappingProxyType({}),
        doc="the rules, by name",
    )

    def tell(self, binder: Binder) -> None:
        """Rules that do nothing, and replies with a selector that there is not."""
        for name, rule in self.rules.items():
            if rule.enabled:
                _tell(name, rule, binder)

    def expressions(self) -> Iterator[tuple[Expression, Origin, str]]:
        """What forces the actions."""
        for name, rule in self.rules.items():
            if rule.enabled and rule.expression is not None:
                yield rule.expression, rule.origin("expression"), f"force_actions {name!r}"


def _tell(name: str, rule: ForceRule, binder: Binder) -> None:
    at, what = rule.written_at("expression"), f"force_actions {name!r}"
    if "expression" not in rule.origins:
        hint = 'write expression = "SYMBOL & !OTHER"'
        text = f"{what}: it has no expression: the rule is left out"
        tell(binder, at, "rule-not-served", text, hint)
    if "action" not in rule.origins:
        hint = 'write action = "reject"'
        text = f"{what}: it has no action: the rule is left out"
        tell(binder, at, "rule-not-served", text, hint)
    if "${" not in rule.message:
        return
    from filter_engine.selectors import SelectorError, compile_selector  # few rules have one

    for text in _PLACEHOLDER.findall(rule.message):
        try:
            compile_selector(text)
        except SelectorError as error:
            told = (
                f"{what}: the message's selector {text!r}: {error}: it stands in replies as it is"
            )
            hint = "docs/selectors.md lists what there is"
            tell(binder, rule.origin("message"), "rule-fault", told, hint)


@frozen
class _Rule:
    name: str
    said: ForceRule
    action: Action
    expression: Expression
    selectors: Mapping[str, Selector]


def _prepare(options: ForceActionsOptions, _setup: Setup) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(name, said, said.action, said.expression, _selectors(said.message))
        for name, said in options.rules.items()
        if said.enabled and said.action is not None and said.expression is not None
    )


def _selectors(message: str) -> dict[str, Selector]:
    texts = _PLACEHOLDER.findall(message)
    if not texts:
        return {}
    from filter_engine.selectors import SelectorError, compile_selector  # few rules have one

    found: dict[str, Selector] = {}
    for text in texts:
        try:
            found[text] = compile_selector(text)
        except SelectorError:
            continue  # the reply then says so in its place
    return found


def _symbols(options: ForceActionsOptions) -> Iterator[Symbol]:
    """A rule that fits sets its symbol; settings may name it."""
    for name, rule in options.rules.items():
        yield Symbol(_PREFIX + name, 0.0, rule.description or "A rule of force_actions")


@check(
    "force_actions",
    stage=Stage.POSTFILTER,
    priority=10,
    symbols=(),
    options=ForceActionsOptions,
    prepare=_prepare,
    symbols_of=_symbols,
    after_pre_result=True,
)
def force_actions(task: Task) -> Outcome | None:
    """The first rule whose expression holds sets the action."""
    rules: tuple[_Rule, ...] = task.state("force_actions") or ()
    if not rules:
        return None
    decision = task.decision
    found = {symbol.name: symbol for symbol in decision.symbols}
    mildest: Outcome | None = None
    action = decision.action
    for rule in rules:
        said = rule.said
        if not task.is_wanted(_PREFIX + rule.name):
            continue
        if not said.message and not said.subject and rule.action is action:
            continue
        if action in said.honor_action:
            continue
        if said.require_action and action not in said.require_action:
            continue
        value = rule.expression.value(lambda atom: _worth(atom, found, task))
        if value <= (said.limit or 0.0):
            continue
        forced = PreResult(
            rule.action,
            _message(rule, task),
            f"force_actions rule {rule.name}",
            priority=1,
            least=said.least,
            stops=not (said.least or said.process_all),
            subject=said.subject,
        )
        told = Finding(
            _PREFIX + rule.name,
            (rule.action.value,),
            evidence=f"{rule.expression.text} gives {value:g}; the action was {action.value}",
        )
        if not said.least:
            return Outcome((told,), pre_result=forced)
        if SEVERITY.index(rule.action) > SEVERITY.index(action):
            mildest, action = Outcome((told,), pre_result=forced), rule.action
    return mildest


def _worth(atom: Atom, found: Mapping[str, SymbolResult], task: Task) -> float:
    if not atom.group:
        return _worth_of(found.get(atom.name), atom)
    sign = atom.group.removeprefix("g")
    return max(
        (
            _worth_of(symbol, atom)
            for symbol in found.values()
            if _is_in(symbol, atom.name, task)
            and (not sign or (symbol.metric_score > 0 if sign == "+" else symbol.metric_score < 0))
        ),
        default=0.0,
    )


def _is_in(symbol: SymbolResult, group: str, task: Task) -> bool:
    score = task.scores.get(symbol.name)
    return group in (score.groups if score is not None else (symbol.group,))


def _worth_of(symbol: SymbolResult | None, atom: Atom) -> float:
    if symbol is None:
        return 0.0
    for wanted in atom.options:
        if isinstance(wanted, str):
            holds = wanted in symbol.options
        else:
            holds = any(wanted.search(text) for text in symbol.options)
        if not holds:
            return 0.0
    return abs(symbol.score) or _LEAST


def _message(rule: _Rule, task: Task) -> str:
    if not rule.selectors:
        return rule.said.message

    def found(place: re.Match[str]) -> str:
        selector = rule.selectors.get(place[1])
        return ",".join(selector.flat(task)) if selector is not None else place[0]

    text = _PLACEHOLDER.sub(found, rule.said.message)
    return "".join(c if c.isprintable() else "?" for c in text)[:_MAX_MESSAGE]
