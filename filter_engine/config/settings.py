"""``settings { NAME { ... } }``: for which mails something is different, and what.

Source: Rspamd's documentation of the settings module. Of the rules that fit a mail the one of the
highest priority is applied, of equals the first by name. All conditions of a rule have to hold
unless its ``expression`` says otherwise; of the values of one condition any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from filter_engine.config.addresses import AddressSet
from filter_engine.config.expression import Expression, ExpressionError, parse_expression
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    STRING,
    list_of,
    merged_object,
    nullable,
    section,
    text_of,
)
from filter_engine.config.map_definition import MAP_DEFINITION, MapDefinition
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    Binder,
    Kind,
    MisfitError,
    Option,
    Section,
    bind,
    declare_known,
    option,
)
from filter_engine.config.schema import known as known_option
from filter_engine.config.settings_apply import (
    SYMBOLS,
    SetSymbol,
    SettingsApply,
    move_scores,
)
from filter_engine.config.settings_faults import (
    has_empty_condition,
    has_unusable_map,
    is_left_out,
    report_faults,
)
from filter_engine.config.settings_patterns import (
    ADDRESS_PATTERN,
    HEADERS,
    TEXT_PATTERN,
    AddressPattern,
    TextPattern,
)
from filter_engine.config.settings_selector import SELECTOR_CONDITION, SelectorCondition
from filter_engine.ucl.nodes import UclNode, UclObject, UclScalar

_PRIORITIES = {"low": 1, "medium": 2, "high": 3}


def _priority(nodes: list[UclNode], _binder: Binder) -> int:
    node = nodes[0]
    if isinstance(node, UclScalar) and isinstance(node.value, int) and node.value >= 0:
        return node.value
    word = text_of(node).lower()
    if word not in _PRIORITIES:
        raise MisfitError(f"{word!r} is no priority", "write low, medium, high or a number")
    return _PRIORITIES[word]


PRIORITY: Kind[int] = Kind("priority", _priority)


def _expression(nodes: list[UclNode], _binder: Binder) -> Expression:
    try:
        return parse_expression(text_of(nodes[0]))
    except ExpressionError as error:
        raise MisfitError(str(error), "write for example from && (rcpt || header:x-list)") from None


EXPRESSION: Kind[Expression] = Kind("expression", _expression)

_NO_HEADERS: Mapping[str, TextPattern | bool] = MappingProxyType({})
_NO_SYMBOLS: Mapping[str, SetSymbol] = MappingProxyType({})


@options_class
class ExternalMap(Section):
    """``external_map``: a map that knows what is different, by what a selector gives."""

    anchor: ClassVar[str] = "configuration/settings"

    map: MapDefinition | None = option(
        nullable(MAP_DEFINITION), None, doc="key -> what would stand in apply, in UCL or JSON"
    )
    selector: SelectorCondition | None = option(
        nullable(SELECTOR_CONDITION), None, doc="what is looked up; the first that is found counts"
    )


@options_class
class SettingsRule(Section):
    """``settings.NAME``: for which mails, and what is then different."""

    anchor: ClassVar[str] = "configuration/settings"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        subject=known_option(list_of(TEXT_PATTERN), doc="the mail's subject"),
    )

    priority: int = option(PRIORITY, 1, doc="the highest that fits is applied; low, medium, high")
    id: str = option(STRING, "", doc="Settings-ID that asks for this rule; default: its name")
    ip: AddressSet | None = option(nullable(ADDRESSES), None, doc="addresses of the sending client")
    client_ip: AddressSet | None = option(
        nullable(ADDRESSES), None, doc="addresses of who asks for the scan, such as an MTA"
    )
    sender: tuple[AddressPattern, ...] = option(
        list_of(ADDRESS_PATTERN), (), key="from", doc="envelope sender"
    )
    from_mime: tuple[AddressPattern, ...] = option(
        list_of(ADDRESS_PATTERN), (), doc="address in From:"
    )
    rcpt: tuple[AddressPattern, ...] = option(
        list_of(ADDRESS_PATTERN), (), doc="envelope recipient, any of them"
    )
    rcpt_mime: tuple[AddressPattern, ...] = option(
        list_of(ADDRESS_PATTERN), (), doc="address in To: or Cc:, any of them"
    )
    user: tuple[AddressPattern, ...] = option(
        list_of(ADDRESS_PATTERN), (), doc="authenticated user"
    )
    hostname: tuple[TextPattern, ...] = option(
        list_of(TEXT_PATTERN), (), doc="verified name of the client"
    )
    header: Mapping[str, TextPattern | bool] = option(
        HEADERS, _NO_HEADERS, doc="headers of the mail; true: it has one, false: it has none"
    )
    request_header: Mapping[str, TextPattern | bool] = option(
        HEADERS, _NO_HEADERS, doc="headers of the scan request, in the same way", secret=True
    )
    authenticated: bool | None = option(nullable(BOOLEAN), None, doc="whether the client logged in")
    local: bool | None = option(
        nullable(BOOLEAN), None, doc="whether the client is in the local networks"
    )
    selector: SelectorCondition | None = option(
        nullable(SELECTOR_CONDITION), None, doc="a selector that has to give something"
    )
    expression: Expression | None = option(
        nullable(EXPRESSION),
        None,
        doc="how the conditions are joined: from && !(rcpt || header:x_list)",
    )
    external_map: ExternalMap | None = option(
        nullable(section(ExternalMap, "settings.external_map")),
        None,
        doc="a map that knows what is different, in place of apply; without an entry, nothing is",
    )
    inverse: bool = option(BOOLEAN, False, doc="for the mails that do not fit")
    whitelist: bool = option(
        BOOLEAN, False, doc="do not scan such mail at all", aliases=("want_spam",)
    )
    symbols: Mapping[str, SetSymbol] = option(
        SYMBOLS, _NO_SYMBOLS, doc="symbols to set on mail that fits"
    )
    apply: SettingsApply = option(
        section(SettingsApply, "settings.apply"), SettingsApply(), doc="what is different"
    )

    @property
    def has_condition(self) -> bool:
        """Whether it is for some mails only."""
        return self.external_map is not None or self.origins.keys() & _CONDITIONS != set()


_CONDITIONS = frozenset(
    (
        *("ip", "client_ip", "sender", "from_mime", "rcpt", "rcpt_mime", "user", "hostname"),
        *("header", "request_header", "authenticated", "local", "selector"),
    )
)


def bind_settings(root: UclObject, binder: Binder) -> Mapping[str, SettingsRule]:
    """The rules of ``settings { }`` by name, in order of writing."""
    values = root.values("settings")
    if not values:
        return MappingProxyType({})
    try:
        named = merged_object(values)
    except MisfitError as misfit:
        at = misfit.node or values[0]
        binder.report(Severity.ERROR, "wrong-type", at, f"settings: {misfit}", misfit.hint)
        return MappingProxyType({})
    found: dict[str, SettingsRule] = {}
    for name, nodes in named.entries.items():
        if name in ("enabled", "redis"):
            continue
        rule = _bind_rule(name, nodes, binder)
        if rule is not None:
            found[name] = rule
    report_faults(found, named.entries, binder)
    return MappingProxyType(found)


def _bind_rule(name: str, nodes: list[UclNode], binder: Binder) -> SettingsRule | None:
    where = f"settings.{name}"
    try:
        node = merged_object(nodes)
    except MisfitError as misfit:
        at = misfit.node or nodes[0]
        binder.report(Severity.ERROR, "wrong-type", at, f"{where}: {misfit}", misfit.hint)
        return None
    if is_left_out(where, node, SettingsRule, binder):
        return None
    for apply in node.all("apply"):
        if isinstance(apply, UclObject):
            move_scores(apply)
    rule = bind(SettingsRule, node, binder, where)
    if has_empty_condition(where, rule, node, _CONDITIONS, binder):
        return None
    if has_unusable_map(where, rule, node, binder):
        return None
    if rule.expression is not None:
        known_names = atoms_of(rule)
        for atom in rule.expression.atoms:
            if atom.name.lower() not in known_names:
                binder.report(
                    Severity.ERROR,
                    "wrong-type",
                    node.all("expression")[0],
                    f"{where}.expression: the rule has no condition {atom.name!r}",
                    f"known here: {', '.join(sorted(known_names))}",
                )
                return None
    return rule if rule.id else replace(rule, id=name)


def safe_name(name: str) -> str:
    """How a header is named in an expression: ``header:x_list``."""
    return "".join("_" if c in ":-+&|><" else c for c in name.lower())


def atoms_of(rule: SettingsRule) -> Mapping[str, tuple[str, str]]:
    """What an expression may name -> (attribute of the rule, header or empty)."""
    keys = {"sender": "from"}
    found = {
        keys.get(name, name): (name, "")
        for name in _CONDITIONS
        if name in rule.origins and name not in ("header", "request_header")
    }
    for kind in ("header", "request_header"):
        for number, header in enumerate(getattr(rule, kind), 1):
            place = (kind, header)
            found[f"{kind}:{header.lower()}"] = place
            found[f"{kind}:{safe_name(header)}"] = place
            found[f"{kind}:{number}"] = place
    return found
