"""Sections ``rule``: regular expressions over envelope and content, and an action."""

from __future__ import annotations

import re

from filter_engine.importers.outcome import Plain
from filter_engine.importers.rmilter.grammar import Block, Clause, Value
from filter_engine.importers.rmilter.site import Site

#: Action of a rule -> the engine's.
ACTIONS = {
    "accept": "no action",
    "discard": "discard",
    "reject": "reject",
    "tempfail": "soft reject",
    "quarantine": "quarantine",
}
#: Condition -> how many expressions it takes.
CONDITIONS = {"connect": 2, "helo": 1, "envfrom": 1, "envrcpt": 1, "header": 2, "body": 1}
_TYPES = {"helo": "helo", "envfrom": "from", "envrcpt": "rcpt"}
_ANY = re.compile(r"/\^?\.?\*?\$?/")
_HEADER_NAME = re.compile(r"/\^?([A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?)\$?/")
_ORDER = "of several rules that fit, rmilter took one; here none goes before another"


def rule(site: Site, block: Block, number: int) -> None:
    """One rule as symbols of ``multimap`` and a rule of ``force_actions``."""
    action: Clause | None = None
    conditions: list[Clause] = []
    for statement in block.statements:
        if not isinstance(statement, Clause):
            raise statement.place.fault("a rule has an action and conditions only")
        if statement.name in ACTIONS:
            if action is not None or statement.negated:
                raise statement.place.fault("a rule has one action", "write a second rule")
            action = statement
        else:
            _check(statement)
            conditions.append(statement)
    if action is None or not conditions:
        raise block.place.fault(
            "a rule needs an action and at least one condition",
            f"write one of {', '.join(ACTIONS)}; then for example: helo /expression/;",
        )
    name = f"RMILTER_RULE_{number}"
    for clause in conditions:
        if not _maps(clause):
            # without it the rule would catch more than it did
            site.lost(clause, "the header's name has to be one name, as in /^Subject$/")
            site.lost(block, "one of its conditions could not be carried over")
            return
    terms: list[str] = []
    for clause in conditions:
        terms.append(_condition(site, clause, name, len(terms) + 1))
    forced = {"action": ACTIONS[action.name], "expression": " & ".join(terms)}
    message = _message(action)
    if message and action.name in ("reject", "tempfail"):
        forced["message"] = message
    elif message:
        site.lost(action, "its text has no place: nobody is told")
    site.put("force_actions.conf", "rules", name, dict(forced))
    if number == 2:
        site.note(block, _ORDER)


def _message(action: Clause) -> str:
    texts = [value for value in action.values if value.quoted]
    if len(texts) != len(action.values) or len(texts) > 1:
        raise action.place.fault(
            f"{action.name}: expected its text", f'write: {action.name} "text";'
        )
    return texts[0].text if texts else ""


def _check(clause: Clause) -> None:
    if clause.name not in CONDITIONS:
        known = ", ".join((*ACTIONS, *CONDITIONS))
        raise clause.place.fault(f"unknown condition {clause.name}", f"known: {known}")
    wanted = CONDITIONS[clause.name]
    if len(clause.values) != wanted or not all(_is_regexp(value) for value in clause.values):
        form = " ".join([clause.name, *["/expression/"] * wanted])
        raise clause.place.fault(
            f"{clause.name} takes {wanted} regular expression(s)", f"write: {form};"
        )
    for value in clause.values:
        try:
            re.compile(value.text[1:-1])
        except (re.error, OverflowError, RecursionError):
            raise value.place.fault("no regular expression that is understood") from None


def _condition(site: Site, clause: Clause, rule_name: str, number: int) -> str:
    """A condition as symbols, and the term that they are in the rule's expression."""
    symbols: list[str] = []
    first = clause.values[0].text
    if clause.name == "header" and not (first.startswith("/^") and first.endswith("$/")):
        site.note(clause, "only a header of just this name is looked at: /^Name$/")
    for content in _maps(clause):
        which = "" if not symbols else "_B"
        symbol = f"{rule_name}_{clause.name.upper()}_{number}{which}"
        entry: dict[str, Plain] = {**content, "regexp": True, "symbol": symbol, "score": 0}
        site.put("multimap.conf", symbol.lower(), entry)
        symbols.append(symbol)
    together = " & ".join(symbols)
    if not clause.negated:
        return together
    return f"!({together})" if len(symbols) > 1 else f"!{together}"


def _is_regexp(value: Value) -> bool:
    return not value.quoted and len(value.text) > 2 and value.text[0] == value.text[-1] == "/"


def _maps(clause: Clause) -> list[dict[str, Plain]]:
    """Maps of ``multimap`` that together are the condition; none where there is no such map."""
    texts = tuple(value.text for value in clause.values)
    if clause.name == "connect":
        asked: list[dict[str, Plain]] = []
        if not _ANY.fullmatch(texts[0]):
            asked.append({"type": "hostname", "map": texts[:1]})
        if not asked or not _ANY.fullmatch(texts[1]):
            # the module's type ip takes networks, no expressions
            asked.append({"type": "selector", "selector": "ip", "map": texts[1:]})
        return asked
    if clause.name == "header":
        name = _HEADER_NAME.fullmatch(texts[0])
        if name is None:
            return []
        return [{"type": "header", "header": name[1], "map": texts[1:]}]
    if clause.name == "body":
        return [{"type": "content", "filter": "body", "map": texts}]
    return [{"type": _TYPES[clause.name], "map": texts}]
