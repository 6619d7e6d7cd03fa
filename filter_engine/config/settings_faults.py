"""Rules of settings that fit other mail than their writer means, or change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from filter_engine.config.findings import Severity
from filter_engine.config.map_definition import Scheme
from filter_engine.config.misplaced import inside_already
from filter_engine.config.schema import Binder, options_of
from filter_engine.config.unknown import likely
from filter_engine.ucl.nodes import UclNode, UclObject

if TYPE_CHECKING:
    from filter_engine.config.settings import SettingsRule

_CONDITIONS = "ip, from, rcpt, user, authenticated, local, hostname or header"


def is_left_out(where: str, node: UclObject, schema: type[SettingsRule], binder: Binder) -> bool:
    """Whether a rule says anything that is not read; each such name is reported.

    It may be a condition: without it the rule would fit mail it is not meant for.
    """
    options = options_of(schema)
    served = {key for option in options for key in (option.key, *option.aliases)}
    unread = [key for key in node if key not in served]
    if unread and (braces := inside_already(where.partition(".")[2], "settings")):
        binder.report(
            Severity.WARNING,
            "rule-not-served",
            node.all(unread[0])[0],
            f"{where}: its rules are left out",
            braces,
        )
        return True
    for key in unread:
        why = "not served here" if key in schema.known else "unknown"
        hint = "" if key in schema.known else likely(key, served)
        binder.report(
            Severity.WARNING,
            "rule-not-served",
            node.all(key)[0],
            f"{where}.{key} is {why}: the whole rule is left out, as it may be a condition",
            hint or f"write the rule with {_CONDITIONS}",
        )
    return bool(unread)


def has_empty_condition(
    where: str,
    rule: SettingsRule,
    node: UclObject,
    conditions: Iterable[str],
    binder: Binder,
) -> bool:
    """Whether a condition is written and names nothing; each is reported, and no rule is made.

    Such a rule would fit all mail or none, and its writer meant neither.
    """
    keys = {option.attribute: option.key for option in options_of(type(rule))}
    empty = []
    for name in sorted(conditions):
        value = getattr(rule, name)
        if name in rule.origins and not isinstance(value, bool) and not value:
            empty.append(keys[name])
    for key in empty:
        binder.report(
            Severity.ERROR,
            "wrong-type",
            node.all(key)[0],
            f"{where}.{key} is empty: the rule would be for all mail or for none",
            f"write what {key} has to be, or remove it",
        )
    return bool(empty)


def has_unusable_map(where: str, rule: SettingsRule, node: UclObject, binder: Binder) -> bool:
    """Whether an ``external_map`` lacks something, or asks a service for each mail; it is told."""
    said = rule.external_map
    if said is None:
        return False
    at = node.all("external_map")[0]
    lacking = [name for name in ("map", "selector") if getattr(said, name) is None]
    if lacking:
        binder.report(
            Severity.ERROR,
            "wrong-type",
            at,
            f"{where}.external_map has no {lacking[0]}",
            'write external_map { map = "/path"; selector = "user"; }',
        )
        return True
    if said.map is not None and any(s.scheme is Scheme.EXTERNAL for s in said.map.sources):
        binder.report(
            Severity.WARNING,
            "rule-not-served",
            at,
            f"{where}.external_map asks a service for each mail, which is not served: the whole "
            "rule is left out",
            "name a file or an address that the map is loaded from",
        )
        return True
    return False


def report_faults(
    rules: Mapping[str, SettingsRule],
    written: Mapping[str, list[UclNode]],
    binder: Binder,
) -> None:
    """Report rules of one name or one id, and those that no mail falls under or that do nothing."""
    ids: dict[str, str] = {}
    for name, rule in rules.items():
        at, *others = written[name]
        others += (node for node in at.joined if node.origin.file == at.origin.file)
        for other in others:
            binder.report(
                Severity.WARNING,
                "repeated-option",
                other,
                f"settings.{name} is written {len(others) + 1} times: they become one rule; "
                f"of an option with one value the first ({binder.origin(at)}) counts",
                "give the other rule another name",
            )
        first = ids.setdefault(rule.id, name)
        if first != name:
            binder.report(
                Severity.WARNING,
                "repeated-option",
                _value(written[name], "id") or _value(written[first], "id") or at,
                f"settings.{name} and settings.{first} have the id {rule.id!r}: "
                "a request that names it gets one of them",
                "give each rule an id of its own",
            )
        _report_idle(name, rule, written[name], binder)


def _report_idle(name: str, rule: SettingsRule, nodes: list[UclNode], binder: Binder) -> None:
    at = nodes[0]
    if not rule.has_condition and "id" not in rule.origins:
        binder.report(
            Severity.WARNING,
            "no-effect",
            at,
            f"settings.{name} has neither a condition nor an id: no mail falls under it",
            f'write {_CONDITIONS}, or id = "{name}"; for requests with that Settings-ID',
        )
    if rule.whitelist and rule.apply.origins:
        binder.report(
            Severity.WARNING,
            "no-effect",
            _value(nodes, "apply") or at,
            f"settings.{name}: such mail is not scanned (whitelist, want_spam), so that apply "
            "has no effect",
            "remove one of the two",
        )
    if not (rule.whitelist or rule.symbols or rule.apply.origins or rule.external_map):
        binder.report(
            Severity.WARNING,
            "no-effect",
            at,
            f"settings.{name} changes nothing",
            "write apply { } with what is different, or whitelist = true;",
        )


def _value(nodes: Iterable[UclNode], key: str) -> UclNode | None:
    """The first value of ``key`` in the sections of a rule."""
    sections = (node for node in nodes if isinstance(node, UclObject))
    return next((node.all(key)[0] for node in sections if key in node), None)
