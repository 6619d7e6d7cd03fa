"""``settings { NAME { ... } }``: what is different for some mails.

Source: Rspamd's documentation of the settings module. Of the rules that fit a mail the one of the
highest priority is applied, the first of equals. All conditions of a rule have to hold; of the
values of one condition any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from filter_engine.config.addresses import AddressSet
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    ADDRESSES,
    BOOLEAN,
    NUMBER,
    STRING,
    WORDS,
    list_of,
    merged_object,
    nullable,
    section,
    text_of,
)
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
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

_PRIORITIES = {"low": 1, "medium": 2, "high": 3}


@dataclass(frozen=True, slots=True)
class TextPattern:
    """``/regexp/flags``, or a text that has to be equal without regard to case."""

    text: str
    regexp: re.Pattern[str] | None = None

    def fits(self, value: str) -> bool:
        """Whether a value is meant."""
        if self.regexp is not None:
            return self.regexp.search(value) is not None
        return value.lower() == self.text


@dataclass(frozen=True, slots=True)
class AddressPattern:
    """``/regexp/``, ``user@domain``, ``@domain``, or ``user`` at any domain."""

    pattern: TextPattern

    def fits(self, address: str) -> bool:
        """Whether an address (without angle brackets) is meant."""
        pattern = self.pattern
        if pattern.regexp is not None:
            return pattern.fits(address)
        user, _, domain = address.lower().rpartition("@")
        if pattern.text.startswith("@"):
            return domain == pattern.text[1:]
        return pattern.text in (address.lower(), user) if user else pattern.text == domain


def _text_pattern(node: UclNode) -> TextPattern:
    text = text_of(node).strip()
    if not text.startswith("/"):
        return TextPattern(text.lower())
    body, slash, flags = text[1:].rpartition("/")
    if not slash or flags.strip("ismxuU"):
        raise MisfitError(f"{text!r} is no regular expression", "write /pattern/ or /pattern/i")
    bits = re.NOFLAG
    for letter, flag in (("i", re.IGNORECASE), ("s", re.DOTALL), ("m", re.MULTILINE)):
        bits |= flag if letter in flags else re.NOFLAG
    try:
        return TextPattern(text, re.compile(body, bits))
    except re.error as error:
        raise MisfitError(f"{text!r}: {error}", "Python's regular expressions are read") from None


TEXT_PATTERN: Kind[TextPattern] = Kind("pattern", lambda nodes, _binder: _text_pattern(nodes[0]))
ADDRESS_PATTERN: Kind[AddressPattern] = Kind(
    "address pattern", lambda nodes, _binder: AddressPattern(_text_pattern(nodes[0]))
)


def _headers(nodes: list[UclNode], _binder: Binder) -> Mapping[str, TextPattern | bool]:
    found: dict[str, TextPattern | bool] = {}
    for name, values in merged_object(nodes).entries.items():
        value = values[0]
        if isinstance(value, UclScalar) and isinstance(value.value, bool):
            found[name] = value.value
        else:
            found[name] = _text_pattern(value)
    return MappingProxyType(found)


#: Header -> what its value has to be; true: it is there, false: it is not.
HEADERS: Kind[Mapping[str, TextPattern | bool]] = Kind("headers", _headers, multiple=True)


def _priority(nodes: list[UclNode], _binder: Binder) -> int:
    node = nodes[0]
    if isinstance(node, UclScalar) and isinstance(node.value, int) and node.value >= 0:
        return node.value
    word = text_of(node).lower()
    if word not in _PRIORITIES:
        raise MisfitError(f"{word!r} is no priority", "write low, medium, high or a number")
    return _PRIORITIES[word]


PRIORITY: Kind[int] = Kind("priority", _priority)


def _scores(nodes: list[UclNode], binder: Binder) -> Mapping[str, float | None]:
    kind = nullable(NUMBER)
    found = {
        name: kind.convert(values, binder) for name, values in merged_object(nodes).entries.items()
    }
    return MappingProxyType(found)


#: Name -> score; null takes the name out.
SCORES: Kind[Mapping[str, float | None]] = Kind("scores", _scores, multiple=True)


def _action_scores(nodes: list[UclNode], binder: Binder) -> Mapping[str, float | None]:
    from filter_engine.config.model import ActionsConfig  # it imports this module

    known_names = {*ActionsConfig.wire_names, *ActionsConfig.wire_names.values()}
    for name in merged_object(nodes).entries:
        if name.lower() not in known_names:
            raise MisfitError(f"{name!r} is no action", f"known: {', '.join(sorted(known_names))}")
    return _scores(nodes, binder)


ACTION_SCORES: Kind[Mapping[str, float | None]] = Kind("actions", _action_scores, multiple=True)


def _symbols(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
    names: list[str] = []
    for node in nodes:
        if isinstance(node, UclObject):
            names.extend(node)
        elif isinstance(node, UclArray):
            names.extend(text_of(item) for item in node)
        else:
            names.append(text_of(node))
    return tuple(names)


SYMBOLS: Kind[tuple[str, ...]] = Kind("symbols", _symbols, multiple=True)


def _flags(nodes: list[UclNode], binder: Binder) -> tuple[str, ...]:
    flags = WORDS.convert(nodes, binder)
    for flag in flags:
        if flag != "skip":
            binder.report(
                Severity.INFO,
                "not-served",
                nodes[0],
                f"settings: the flag {flag!r} is Rspamd's; this engine does not use it here",
            )
    return flags


FLAGS: Kind[tuple[str, ...]] = Kind("flags", _flags, multiple=True)

_EMPTY: Mapping[str, float | None] = MappingProxyType({})
_NO_HEADERS: Mapping[str, TextPattern | bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsApply(Section):
    """``settings.NAME.apply``: what is different. A symbol's name with a number is its score."""

    anchor: ClassVar[str] = "configuration/settings"

    actions: Mapping[str, float | None] = option(
        ACTION_SCORES, _EMPTY, doc="scores of the actions; null switches one off"
    )
    scores: Mapping[str, float | None] = option(SCORES, _EMPTY, doc="scores of symbols")
    symbols: tuple[str, ...] = option(SYMBOLS, (), doc="symbols to set")
    symbols_enabled: tuple[str, ...] = option(WORDS, (), doc="only these symbols")
    symbols_disabled: tuple[str, ...] = option(WORDS, (), doc="not these symbols")
    groups_enabled: tuple[str, ...] = option(
        list_of(STRING), (), doc="only symbols of these groups"
    )
    groups_disabled: tuple[str, ...] = option(list_of(STRING), (), doc="no symbols of these groups")
    subject: str = option(STRING, "", doc="template of a rewritten subject")
    flags: tuple[str, ...] = option(FLAGS, (), doc="skip: do not scan such mail at all")

    @property
    def restricts(self) -> bool:
        """Whether only what is named is to run."""
        return bool(self.symbols_enabled or self.groups_enabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRule(Section):
    """``settings.NAME``: for which mails, and what is then different."""

    anchor: ClassVar[str] = "configuration/settings"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        client_ip=known_option(ADDRESSES, doc="address of the controller's client"),
        request_header=known_option(HEADERS, doc="headers of the scan request"),
        selector=known_option(STRING, doc="a selector that has to give something"),
        subject=known_option(list_of(TEXT_PATTERN), doc="the mail's subject"),
        inverse=known_option(BOOLEAN, doc="for the mails that do not fit"),
        expression=known_option(STRING, doc="how the conditions are joined"),
        external_map=known_option(SYMBOLS, doc="a service that knows the settings"),
    )

    priority: int = option(PRIORITY, 1, doc="the highest that fits is applied; low, medium, high")
    id: str = option(STRING, "", doc="Settings-ID that asks for this rule, whatever its conditions")
    ip: AddressSet | None = option(nullable(ADDRESSES), None, doc="addresses of the client")
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
        HEADERS, _NO_HEADERS, doc="headers of the mail, any of them"
    )
    authenticated: bool | None = option(nullable(BOOLEAN), None, doc="whether the client logged in")
    local: bool | None = option(
        nullable(BOOLEAN), None, doc="whether the client is in the local networks"
    )
    whitelist: bool = option(
        BOOLEAN, False, doc="do not scan such mail at all", aliases=("want_spam",)
    )
    apply: SettingsApply = option(
        section(SettingsApply, "settings.apply"), SettingsApply(), doc="what is different"
    )

    @property
    def has_condition(self) -> bool:
        """Whether it is for some mails only."""
        return self.origins.keys() & _CONDITIONS != set()


_CONDITIONS = frozenset(
    "ip sender from_mime rcpt rcpt_mime user hostname header authenticated local".split()  # noqa: SIM905
)
_UNREAD_CONDITIONS = frozenset(
    "client_ip request_header selector subject inverse expression".split()  # noqa: SIM905
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
    return MappingProxyType(found)


def _bind_rule(name: str, nodes: list[UclNode], binder: Binder) -> SettingsRule | None:
    where = f"settings.{name}"
    try:
        node = merged_object(nodes)
    except MisfitError as misfit:
        at = misfit.node or nodes[0]
        binder.report(Severity.ERROR, "wrong-type", at, f"{where}: {misfit}", misfit.hint)
        return None
    unread = sorted(_UNREAD_CONDITIONS & set(node))
    if unread:
        # The rule would fit mails it is not meant for: better none than that.
        binder.report(
            Severity.WARNING,
            "rule-not-served",
            node.all(unread[0])[0],
            f"{where}: this engine does not know the condition {unread[0]}: the rule is left out",
            "write the rule with ip, from, rcpt, user, authenticated, local, hostname or header",
        )
        return None
    _move_scores(node)
    return bind(SettingsRule, node, binder, where)


def _move_scores(rule: UclObject) -> None:
    """``apply { NAME = 1.0; }`` is the older spelling of ``apply { scores { NAME = 1.0; } }``."""
    named = set(SettingsApply.__dataclass_fields__)
    for apply in rule.all("apply"):
        if not isinstance(apply, UclObject):
            continue
        direct = [
            key
            for key, values in apply.entries.items()
            if key not in named
            and isinstance(values[0], UclScalar)
            and isinstance(values[0].value, (int, float))
            and not isinstance(values[0].value, bool)
        ]
        if direct:
            moved = {key: apply.entries.pop(key) for key in direct}
            apply.entries.setdefault("scores", []).append(UclObject(moved, apply.origin))
