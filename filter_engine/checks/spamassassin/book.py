"""Rules of rule files, compiled; which of them hold for a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from filter_engine.checks.regexp.matcher import Matcher, Matches, Slot
from filter_engine.checks.regexp.places import Kind, Place, Texts
from filter_engine.checks.spamassassin.evals import FUNCTIONS
from filter_engine.checks.spamassassin.model import RuleFiles, RuleType, Test
from filter_engine.matching import DatabaseCache, Flags, search
from filter_engine.message.address import parse_addresses
from filter_engine.scan.task import Task

_PLACES: Final = {
    RuleType.BODY: Kind.SA_BODY,
    RuleType.RAWBODY: Kind.SA_RAW_BODY,
    RuleType.FULL: Kind.BODY,
    RuleType.URI: Kind.URL,
}
_SEVERAL: Final = {
    "tocc": ("to", "cc"),
    "messageid": ("message-id", "x-message-id", "resent-message-id"),
}
"""Names of rule files that stand for several headers."""
_ENVELOPE: Final = "envelopefrom"
_NUMBER: Final = re.compile(r"\d")


class SpamAssassinBook:
    """Made before fork, read-only."""

    def __init__(
        self, found: RuleFiles, symbols: frozenset[str], *, alone: frozenset[str] = frozenset()
    ) -> None:
        self.found = found
        self.symbols = symbols
        self.matcher = Matcher("spamassassin")
        needed = _needed(found, symbols)
        self._slots: dict[str, tuple[Slot, ...]] = {}
        self._by_slot: dict[Slot, list[str]] = {}
        self._always: list[str] = []
        for name in needed:
            test = found.tests[name]
            if test.type is RuleType.META:
                continue
            slots = tuple(self._add(test, alone=name in alone))
            self._slots[name] = slots
            if test.negated or test.if_unset is not None or not slots:
                self._always.append(name)
            for slot in slots:
                self._by_slot.setdefault(slot, []).append(name)
        self._metas_of: dict[str, list[str]] = {}
        self._free_metas: list[str] = []
        for name in sorted(symbols):
            test = found.tests[name]
            if test.expression is None:
                continue
            if test.expression.value(lambda _atom: 0.0):
                self._free_metas.append(name)
            for leaf in _leaves(name, found):
                self._metas_of.setdefault(leaf, []).append(name)

    def compile(self, cache: DatabaseCache) -> None:
        """Compile all patterns. Raises ``PatternError``."""
        self.matcher.compile(cache)

    def _add(self, test: Test, *, alone: bool) -> Iterator[Slot]:
        """The slots of a rule's pattern; none when it is looked at otherwise."""
        pattern = test.pattern
        if pattern is None or test.modifier in ("addr", "name") or test.header == _ENVELOPE:
            return
        if alone:
            pattern = replace(pattern, flags=pattern.flags | Flags.ALONE)
        if test.type in _PLACES:
            yield self.matcher.add(Place(_PLACES[test.type]), pattern)
        elif test.type is RuleType.SELECTOR:
            yield self.matcher.add(Place(Kind.SELECTOR, test.header), pattern)
        elif test.type is RuleType.MIMEHEADER:
            yield self.matcher.add(Place(Kind.MIME_HEADER, test.header), pattern)
        elif test.header == "all":
            yield self.matcher.add(Place(Kind.ALL_HEADER), pattern)
        else:
            kind = Kind.RAW_HEADER if test.modifier == "raw" else Kind.HEADER
            for header in _SEVERAL.get(test.header, (test.header,)):
                yield self.matcher.add(Place(kind, header), pattern)

    def holding(self, task: Task, texts: Texts) -> Iterator[tuple[str, float, str]]:
        """The symbols that hold with their weight and what was seen."""
        values = _Values(self, task, self.matcher.on(texts))
        names = task.message.header_names
        held: set[str] = set()
        for place in dict.fromkeys(slot.place for slot in self._by_slot):
            if place.kind in (Kind.HEADER, Kind.RAW_HEADER) and place.name not in names:
                continue
            for index in values.matches.at(place):
                held.update(self._by_slot.get(Slot(place, index), ()))
        held.update(name for name in self._always if values.of(name))
        candidates = set(self._free_metas)
        for name in held:
            candidates.update(self._metas_of.get(name, ()))
        candidates |= held & self.symbols
        for name in sorted(candidates):
            value = values.of(name)
            if value:
                meta = self.found.tests[name].expression is not None
                yield name, 1.0 if meta else value, self._evidence(name, values, held)

    def _evidence(self, name: str, values: _Values, held: set[str]) -> str:
        test = self.found.tests[name]
        if test.expression is None:
            seen = values.matches.evidence(self._slots.get(name, ()))
            return seen or f"{test.function or test.header} ({test.origin})"
        parts = sorted(leaf for leaf in _leaves(name, self.found) if leaf in held)
        return f"holds with {', '.join(parts[:8])}" if parts else test.expression.text

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Where the rule's pattern is looked for."""
        return self._slots.get(name, ())


class _Values:
    """What rules are worth for one message, each worked out once."""

    def __init__(self, book: SpamAssassinBook, task: Task, matches: Matches) -> None:
        self._book = book
        self._task = task
        self.matches = matches
        self._known: dict[str, float] = {}

    def of(self, name: str) -> float:
        """The worth of a rule, 0 when it does not hold or there is none of that name."""
        value = self._known.get(name)
        if value is None:
            test = self._book.found.tests.get(name)
            self._known[name] = 0.0  # loops were taken out; this bounds the depth all the same
            value = self._known[name] = 0.0 if test is None else self._work_out(name, test)
        return value

    def _work_out(self, name: str, test: Test) -> float:
        if test.expression is not None:
            return test.expression.value(lambda atom: self.of(atom.name))
        if test.function:
            call = FUNCTIONS[test.function]
            return float(call(self._task, self._book.found.lists, test.arguments))
        if test.pattern is None:
            return float(self._task.message.get(test.header) is not None)
        slots = self._book.slots(name)
        if not slots:
            return float(self._by_text(test) != test.negated)
        if test.if_unset is not None and self._task.message.get(test.header) is None:
            return float(_matches(test, test.if_unset) != test.negated)
        if test.negated:
            return float(not any(self.matches.hit(slot) for slot in slots))
        most = self._book.found.hits.get(name, 1)
        if most == 1:
            return float(any(self.matches.hit(slot) for slot in slots))
        return float(min(most, sum(self.matches.count(slot, most) for slot in slots)))

    def _by_text(self, test: Test) -> bool:
        """Rules about addresses, names, and the envelope's sender."""
        task = self._task
        if test.header == _ENVELOPE:
            return _matches(test, task.envelope.mail_from or "")
        for header in _SEVERAL.get(test.header, (test.header,)):
            fields = task.message.get_all(header)
            for address in parse_addresses(fields, task.message.note):
                text = address.email if test.modifier == "addr" else address.display or ""
                if text and _matches(test, text):
                    return True
        if test.if_unset is not None and task.message.get(test.header) is None:
            return _matches(test, test.if_unset)
        return False


def _matches(test: Test, text: str) -> bool:
    assert test.pattern is not None
    utf8 = test.pattern.flags & Flags.UTF8
    try:
        found = search(test.pattern.regex, text if utf8 else text.encode("utf-8", "replace"))
    except TimeoutError:
        return False
    return found is not None


def _needed(found: RuleFiles, symbols: frozenset[str]) -> list[str]:
    """The symbols and all rules that they refer to."""
    names: dict[str, None] = {}
    queue = sorted(symbols)
    for name in queue:
        if name in names or name not in found.tests:
            continue
        names[name] = None
        expression = found.tests[name].expression
        if expression is not None:
            queue.extend(atom.name for atom in expression.atoms)
    return list(names)


def _leaves(name: str, found: RuleFiles) -> set[str]:
    """The rules without expression that a meta rule comes down to."""
    return {
        leaf for leaf in _needed(found, frozenset({name})) if found.tests[leaf].expression is None
    }
