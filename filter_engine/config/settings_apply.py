"""``apply { ... }`` of a settings rule: what is different for a mail.

Source: Rspamd's documentation of the settings module. The ``Settings`` header of a scan request
holds the same object, without a rule around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import (
    BOOLEAN,
    NUMBER,
    STRING,
    WORDS,
    list_of,
    merged_object,
    nullable,
    one_of,
    text_of,
)
from filter_engine.config.layers import counted
from filter_engine.config.options_class import options_class
from filter_engine.config.origin import BUILTIN, Origin
from filter_engine.config.schema import Binder, Kind, MisfitError, Section, bind, option
from filter_engine.lazy_dataclass import frozen
from filter_engine.ucl.document import parse
from filter_engine.ucl.errors import UclError
from filter_engine.ucl.limits import Limits
from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar, to_python

MAX_TEXT = 64 * 1024
"""Characters of settings that a request brings."""
_LIMITS = Limits(depth=12, values=4096, key_length=512, file_size=MAX_TEXT)
MAX_SCORE = 1e6
"""Of a symbol or action, either way; with ``MAX_WEIGHT`` every sum is a number."""
MAX_WEIGHT = 5e5
"""Of a symbol that settings set, either way."""
SYMBOL_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
"""Names of symbols stand in headers and logs: nothing else fits there."""
_SERVED_FLAGS = frozenset({"skip", "pass_all", "no_log", "no_stat"})


class ApplyError(ValueError):
    """Settings of a request that cannot be read; the message says why."""


@frozen
class SetSymbol:
    """A symbol that settings set."""

    weight: float = 1.0
    options: tuple[str, ...] = ()


def _scores(nodes: list[UclNode], binder: Binder) -> Mapping[str, float | None]:
    kind = nullable(NUMBER)
    found: dict[str, float | None] = {}
    for name, written in merged_object(nodes).entries.items():
        values = counted(written, binder, multiple=False)
        if len(values) > 1:
            binder.report(
                Severity.WARNING,
                "repeated-option",
                values[1],
                f"the score of {name} is written {len(values)} times; only the first "
                f"({binder.origin(values[0])}) counts",
                "remove the others",
            )
        score = kind.convert(values, binder)
        found[name] = None if score is None else _bounded(score, MAX_SCORE)
    return MappingProxyType(found)


def _bounded(number: float, most: float) -> float:
    if not -most <= number <= most:  # nan is refused too
        raise MisfitError(f"the number {number:g} is out of bounds", f"from {-most:g} to {most:g}")
    return number


def _named(name: str) -> str:
    """The name of a symbol. Raises ``MisfitError`` for what cannot be one."""
    if not SYMBOL_NAME.fullmatch(name):
        raise MisfitError(
            f"{name[:60]!r} is no name of a symbol", "letters, digits, _ . : / -; at most 200"
        )
    return name


def _symbol_scores(nodes: list[UclNode], binder: Binder) -> Mapping[str, float | None]:
    found = _scores(nodes, binder)
    for name in found:
        _named(name)
    return found


#: Symbol -> score; null takes the symbol out.
SCORES: Kind[Mapping[str, float | None]] = Kind("scores", _symbol_scores, multiple=True)


def _action_scores(nodes: list[UclNode], binder: Binder) -> Mapping[str, float | None]:
    from filter_engine.config.model import ActionsConfig  # it imports this module

    known_names = {*ActionsConfig.wire_names, *ActionsConfig.wire_names.values()}
    for name in merged_object(nodes).entries:
        if name.lower() not in known_names:
            raise MisfitError(f"{name!r} is no action", f"known: {', '.join(sorted(known_names))}")
    return _scores(nodes, binder)


ACTION_SCORES: Kind[Mapping[str, float | None]] = Kind("actions", _action_scores, multiple=True)


def _names(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
    names: list[str] = []
    for node in nodes:
        if isinstance(node, UclObject):
            names.extend(node)
        elif isinstance(node, UclArray):
            names.extend(text_of(item) for item in node)
        else:
            names.append(text_of(node))
    return tuple(dict.fromkeys(names))


#: Names in a list, or as the keys of a section.
NAMES: Kind[tuple[str, ...]] = Kind("names", _names, multiple=True)


def _symbols(nodes: list[UclNode], binder: Binder) -> Mapping[str, SetSymbol]:
    found: dict[str, SetSymbol] = {}
    for node in nodes:
        if isinstance(node, UclObject):
            for name in node:
                found[_named(name)] = _symbol(node.all(name)[0], binder)
        else:
            found.update((_named(name), SetSymbol()) for name in _names([node], binder))
    return MappingProxyType(found)


def _symbol(node: UclNode, binder: Binder) -> SetSymbol:
    if not isinstance(node, UclObject):
        return SetSymbol(_weight([node], binder))
    weights = node.all("score") or node.all("weight")
    options = list_of(STRING).convert(node.all("options"), binder)
    return SetSymbol(_weight(weights[:1], binder) if weights else 1.0, options)


def _weight(nodes: list[UclNode], binder: Binder) -> float:
    return _bounded(NUMBER.convert(nodes, binder), MAX_WEIGHT)


#: Symbols in a list, or as the keys of a section with the weight of each.
SYMBOLS: Kind[Mapping[str, SetSymbol]] = Kind("symbols", _symbols, multiple=True)


def _flags(nodes: list[UclNode], binder: Binder) -> tuple[str, ...]:
    flags = WORDS.convert(nodes, binder)
    for flag in flags:
        if flag not in _SERVED_FLAGS:
            binder.report(
                Severity.INFO,
                "not-served",
                nodes[0],
                f"settings: the flag {flag!r} is Rspamd's; this engine does not use it here",
            )
    return flags


FLAGS: Kind[tuple[str, ...]] = Kind("flags", _flags, multiple=True)


def _texts(nodes: list[UclNode], _binder: Binder) -> Mapping[str, str]:
    entries = merged_object(nodes).entries
    return MappingProxyType({name: text_of(values[0]) for name, values in entries.items()})


TEXTS: Kind[Mapping[str, str]] = Kind("texts", _texts, multiple=True)


def _values(nodes: list[UclNode], _binder: Binder) -> Mapping[str, Any]:
    found = to_python(merged_object(nodes))
    return MappingProxyType(found if isinstance(found, dict) else {})


#: A section as plain data, for whoever serves it.
VALUES: Kind[Mapping[str, Any]] = Kind("section", _values, multiple=True)

_NO_SCORES: Mapping[str, float | None] = MappingProxyType({})
_NO_SYMBOLS: Mapping[str, SetSymbol] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@options_class
class SettingsApply(Section):
    """``settings.NAME.apply``: what is different. A symbol's name with a number is its score."""

    anchor: ClassVar[str] = "configuration/settings"

    actions: Mapping[str, float | None] = option(
        ACTION_SCORES, _NO_SCORES, doc="scores of the actions; null switches one off"
    )
    scores: Mapping[str, float | None] = option(SCORES, _NO_SCORES, doc="scores of symbols")
    symbols: Mapping[str, SetSymbol] = option(
        SYMBOLS, _NO_SYMBOLS, doc="symbols to set; with a number: that many times its score"
    )
    symbols_enabled: tuple[str, ...] = option(NAMES, (), doc="only these symbols")
    symbols_disabled: tuple[str, ...] = option(NAMES, (), doc="not these symbols")
    groups_enabled: tuple[str, ...] = option(NAMES, (), doc="only symbols of these groups")
    groups_disabled: tuple[str, ...] = option(NAMES, (), doc="no symbols of these groups")
    policy: str = option(
        one_of("default", "implicit_allow", "implicit_deny"),
        "default",
        doc="what becomes of symbols that are not named; default: enabled ones leave out the rest",
    )
    subject: str = option(STRING, "", doc="template of a rewritten subject")
    messages: Mapping[str, str] = option(
        TEXTS, _NO_TEXTS, doc="messages of the reply by name, such as smtp_message"
    )
    add_headers: Mapping[str, Any] = option(
        VALUES, _NO_VALUES, doc="headers to add, name and text or { value, order }"
    )
    remove_headers: Mapping[str, Any] = option(
        VALUES, _NO_VALUES, doc="headers to remove, name and which: 1 the first, 0 all"
    )
    plugins: Mapping[str, Any] = option(
        VALUES, _NO_VALUES, doc="options of modules for such mail, where a module allows it"
    )
    flags: tuple[str, ...] = option(
        FLAGS,
        (),
        doc="skip: do not scan; pass_all: run every check; no_log, no_stat: leave no trace",
    )
    whitelist: bool = option(BOOLEAN, False, doc="do not scan such mail at all")

    @property
    def restricts(self) -> bool:
        """Whether only what is named is to run; a list that is empty names nothing."""
        if self.policy != "default":
            return self.policy == "implicit_deny"
        return "symbols_enabled" in self.origins or "groups_enabled" in self.origins


def move_scores(apply: UclObject) -> None:
    """``apply { NAME = 1.0; }`` is the older spelling of ``apply { scores { NAME = 1.0; } }``."""
    named = set(SettingsApply.__dataclass_fields__)
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


class _Strict:
    """A binder for a text without files: the first error is raised, the rest does not matter."""

    def report(
        self, severity: Severity, _code: str, _node: UclNode, message: str, hint: str = ""
    ) -> None:
        if severity is Severity.ERROR:
            raise ApplyError(f"{message} ({hint})" if hint else message)

    def origin(self, _node: UclNode) -> Origin:
        return BUILTIN


def parse_apply(text: str) -> SettingsApply:
    """Read settings that a scan request brings (UCL or JSON); nothing in them reads files.

    Raises ``ApplyError`` for anything that cannot be read or is too large.
    """
    if len(text) > MAX_TEXT:
        raise ApplyError(f"settings of {len(text)} characters (at most {MAX_TEXT})")
    try:
        root = parse(text, "Settings", limits=_LIMITS)
    except UclError as error:
        raise ApplyError(str(error)) from None
    inner = root.get("apply")
    apply = inner if isinstance(inner, UclObject) else root
    move_scores(apply)
    try:
        return bind(SettingsApply, apply, _Strict(), "settings")
    except MisfitError as misfit:
        raise ApplyError(str(misfit)) from None
