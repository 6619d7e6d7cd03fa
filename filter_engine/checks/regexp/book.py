"""A book of rules: only those that can hold are worked out for a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from filter_engine.checks.regexp.matcher import Matcher, Matches, Slot
from filter_engine.checks.regexp.places import Kind, Place, Texts
from filter_engine.checks.regexp.rule import Call, RegexpRule
from filter_engine.config.expression import Atom
from filter_engine.scan.task import Task

_HEADERS: Final = frozenset({Kind.HEADER, Kind.RAW_HEADER})
_NOT_PLAIN: Final = re.compile(r"[<=/-]|(?:!|\bnot\b)\s*[!(]", re.IGNORECASE)
"""Operators with which a pattern that matches may undo a rule that holds, or the other way."""
_COMMON: Final = ("message-id", "content-type", "subject", "date", "to", "from", "received")
"""Headers that every mail has, those that cost least first."""


class RuleBook:
    """Rules whose patterns are in one compiled ``Matcher``. Made before fork, read-only.

    A rule whose name begins with ``__`` waits until another check asks for it.
    """

    def __init__(self, matcher: Matcher, rules: Iterable[RegexpRule]) -> None:
        self.matcher = matcher
        rules = tuple(rules)
        self._always: list[int] = []
        self._by_slot: dict[Slot, list[int]] = {}
        self._asked = {rule.symbol: rule for rule in rules if rule.symbol.startswith("__")}
        self.rules = tuple(rule for rule in rules if rule.symbol not in self._asked)
        for number, rule in enumerate(self.rules):
            if _holds_on_nothing(rule):
                self._always.append(number)
                continue
            for slot in _triggers(rule):
                self._by_slot.setdefault(slot, []).append(number)
        places = dict.fromkeys(slot.place for slot in self._by_slot)
        self._headers: dict[str, list[Place]] = {}
        for place in places:
            if place.kind in _HEADERS:
                self._headers.setdefault(place.name.lower(), []).append(place)
        self._header_names = frozenset(self._headers)
        self._others = [place for place in places if place.kind not in _HEADERS]

    def holding(self, task: Task, texts: Texts) -> Iterator[tuple[RegexpRule, float, Matches]]:
        """The rules that hold for a message with what they are worth, in the book's order."""
        matches = self.matcher.on(texts)
        candidates = set(self._always)
        for place in self._looked_at(task):
            for index in matches.at(place):
                candidates.update(self._by_slot.get(Slot(place, index), ()))
        for number in sorted(candidates):
            rule = self.rules[number]
            value = rule.value(task, matches)
            if value:
                yield rule, value, matches

    def asked(self, name: str, task: Task, texts: Texts) -> str | None:
        """The evidence of a rule that is worked out only when asked for; None: it does not hold."""
        rule = self._asked.get(name)
        if rule is None:
            return None
        matches = self.matcher.on(texts)
        return rule.evidence(matches) if rule.value(task, matches) else None

    def _looked_at(self, task: Task) -> Iterator[Place]:
        headers = self._headers
        for name in self._header_names.intersection(task.message.header_names):
            yield from headers[name]
        yield from self._others


def _triggers(rule: RegexpRule) -> Iterable[Slot]:
    """Patterns one of which has to match for the rule to hold: one that it cannot do without.

    Of several such the one whose place is seldom there, so that the others need not be looked at.
    """
    if _NOT_PLAIN.search(rule.expression.text):
        return rule.slots
    necessary = [slot for name, slot in _slots(rule) if not rule.expression.value(_without(name))]
    return [min(necessary, key=_rarity)] if necessary else rule.slots


def _slots(rule: RegexpRule) -> Iterator[tuple[str, Slot]]:
    """The patterns that are not negated, by name."""
    negated = {atom.name for atom in rule.expression.atoms if atom.negated}
    for name, atom in rule.atoms.items():
        if isinstance(atom, Slot) and name not in negated:
            yield name, atom


def _without(missing: str) -> Callable[[Atom], float]:
    """The best that can be but for one atom."""
    return lambda atom: float(atom.name != missing and not atom.negated)


def _rarity(slot: Slot) -> int:
    if slot.place.kind not in _HEADERS:
        return len(_COMMON)
    name = slot.place.name.lower()
    return _COMMON.index(name) if name in _COMMON else -1


def _holds_on_nothing(rule: RegexpRule) -> bool:
    """Whether the rule may hold though none of its patterns matches."""
    if any(isinstance(atom, Call) for atom in rule.atoms.values()):
        return True
    return rule.expression.value(lambda _atom: 0.0) != 0.0
