"""Asking all lists about one message: every name first, equal ones once, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

from filter_engine.auth.results import DkimResult
from filter_engine.checks.rbl.budget import ALWAYS, Names, affordable, always_asked
from filter_engine.checks.rbl.elements import Element, Elements, Found, of_ip
from filter_engine.checks.rbl.families import Family
from filter_engine.checks.rbl.findings import Lookup, findings_of, vouched
from filter_engine.checks.rbl.lists import Lists, needed_by
from filter_engine.checks.rbl.rules import Rule
from filter_engine.scan.question import (
    MISSING,
    Ask,
    DnsAnswer,
    DnsQuestion,
    Question,
    dns_question,
)
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_MAX_QUESTIONS: Final = 1024
"""Questions of one message, all lists together, whatever is configured."""
_MAX_ADDRESSES: Final = 8
"""Addresses of one name that are looked up (``resolve_ip``)."""


async def look_up(task: Task, ask: Ask, lists: Lists | None) -> list[Finding]:
    """Ask the lists about a message; None is a module that was not made ready."""
    if lists is None or not lists.rules:
        return []
    found = Found(task, lists.local)
    rules, conditional = lists.wanted(task, found)
    if conditional:
        rules = tuple(asking for asking in rules if _applies(asking.rule, task, lists))
    if not rules:
        return []
    session = _Session(task, lists)
    known_parts: dict[Family, Names] = {}  # their rules share it: who changes a list copies it
    monitor, now = lists.monitor, task.now
    all_alive = monitor.all_alive
    signed: list[Rule] = []
    waiting: list[Rule] = []
    to_resolve: list[tuple[Rule, Element]] = []
    for rule, family, simple, is_signed, waits in rules:
        if not all_alive and not monitor.is_alive(rule):
            if monitor.is_due(rule, now):
                session.test(rule)
            continue
        if is_signed:
            signed.append(rule)
        if waits:
            waiting.append(rule)
        if simple:
            parts = known_parts.get(family)
            if parts is None:
                elements = family.elements(found)
                parts = known_parts[family] = session.parts(family.rule, elements)
            if not parts:
                continue
            session.add(rule, parts)
        else:
            elements = family.elements(found)
            if rule.selectors and not waits:
                elements.append(found.selected(rule))
            if not elements:
                continue
            if rule.resolve_ip:
                for group in elements:
                    to_resolve += _named(session, rule, group)
            else:
                session.add(rule, session.parts(rule, elements))
        if monitor.is_due(rule, now):
            session.test(rule)
    resolving = session.bound(_resolving(to_resolve) if to_resolve else [])
    asked: list[Question[Any]] = [ask.result("dkim")] if signed or waiting else []
    if waiting:
        results = sorted({name for rule in waiting for name in needed_by(rule)} - {"dkim"})
        asked += [ask.result(name) for name in results]
    before = len(asked)
    names = session.take()
    asked += names
    asked += resolving
    answers = await ask.all(*asked)
    session.answer(answers[before : before + len(names)])
    dkim = answers[0] if before and isinstance(answers[0], DkimResult) else None
    passed = () if dkim is None else dkim.passed
    if passed:
        for rule in signed:
            session.add_later(rule, found.signers(rule, passed))
    for rule in waiting:
        session.add_later(rule, found.selected(rule))
    if resolving:
        known = {a.question: a for a in answers if isinstance(a, DnsAnswer)}
        for rule, element in to_resolve:
            session.add_later(rule, _resolved(rule, element, known))
    more = session.take()
    if more:
        session.answer(await ask.all(*more))
    return session.findings()


def _applies(rule: Rule, task: Task, lists: Lists) -> bool:
    """Whether a rule that is meant for such a client says anything of this mail."""
    ip = task.ip
    if ip is not None and (rule.exclude_local or rule.exclude_private):
        for addresses in rule.excluded_addresses:
            if ip in addresses:
                return False
    if rule.required_symbols:
        present = {finding.symbol for finding in task.findings if task.is_wanted(finding.symbol)}
        if not present.issuperset(rule.required_symbols):
            return False
    disabled = lists.disabled_zones
    return disabled is None or rule.zone[1:] not in disabled


class _Session:
    """The names asked for one message, and what they were answered."""

    __slots__ = (
        *("_asked", "_heard", "_lists", "_new", "_passed", "_resolving"),
        *("_room", "_taken", "_task", "_tests"),
    )

    def __init__(self, task: Task, lists: Lists) -> None:
        self._task = task
        self._lists = lists
        self._asked: list[tuple[Rule, Names]] = []
        """What each rule asked for; a rule that asks again comes again."""
        # Of both only the keys count, the names; of most there are the elements.
        self._new: dict[str, object] = {}
        self._taken: dict[str, object] = {}
        self._tests: dict[str, Rule] = {}
        self._room = min(lists.max_requests, _MAX_QUESTIONS)
        self._resolving = 0
        """Questions beside those of the lists."""
        self._heard: dict[str, DnsAnswer] = {}
        """The answers that say something."""
        # The elements are kept too, so that no others come to have their id.
        self._passed: dict[object, tuple[Elements, list[Element]]] = {}

    def add(self, rule: Rule, parts: Names) -> None:
        """Look these up in the rule's list. Every list is asked at once, so this is what counts.

        Of all names, those are left that ``bound`` finds room for.
        """
        zone = rule.zone
        names = {part + zone: elements for part, elements in parts.items()}
        self._new.update(names)
        self._asked.append((rule, names))

    def add_later(self, rule: Rule, elements: Elements) -> None:
        """Look up what came with the answers, beside what the rule has asked for."""
        parts = self.parts(rule, [elements])
        if not parts:
            return
        known = {name: where for one, where in self._asked if one is rule for name in where}
        later: Names = {}
        for part, group in parts.items():
            name = part + rule.zone
            where = known.get(name)
            if where is not None:  # other rules may hold the same list
                where[name] = list(dict.fromkeys((*where[name], *group)))
            elif self._ask(name, self._most(group)):
                later[name] = group
        if later:
            self._asked.append((rule, later))

    def parts(self, rule: Rule, found: list[Elements]) -> Names:
        """What stands before the zone of the rule, and of all of its family -> its elements."""
        hashing, whitelist = rule.hashing, rule.whitelist
        parts: Names = {}
        for elements in found:
            for element in elements if whitelist is None else self._not_listed(rule, elements):
                part = element.part if hashing is None else hashing(element.part).lower()
                same = parts.get(part)
                if same is None:
                    parts[part] = [element]
                elif element not in same:
                    same.append(element)
        return parts

    def _not_listed(self, rule: Rule, elements: Elements) -> list[Element]:
        """What the rule's whitelist leaves; kept, as rules that hash otherwise have the same."""
        wanted = (id(elements), id(rule.whitelist), rule.domain_only or rule.delimiter)
        kept = self._passed.get(wanted)
        if kept is None:
            passed = [element for element in elements if not self.is_whitelisted(rule, element)]
            kept = self._passed[wanted] = (elements, passed)
        return kept[1]

    def is_whitelisted(self, rule: Rule, element: Element) -> bool:
        """Whether the site says that this is not to be looked up."""
        if rule.whitelist is None:
            return False
        if (element.ip or element.part) in rule.whitelist:
            return True
        return (
            not rule.domain_only
            and element.label in ("email", "replyto")
            and element.part.rpartition(rule.delimiter)[2] in rule.whitelist
        )

    def test(self, rule: Rule) -> None:
        """Test the rule's list along with the rest."""
        name = self._lists.monitor.test_name(rule, self._task.now).lower()
        if self._ask(name, _MAX_QUESTIONS):
            self._tests[name] = rule

    def _most(self, elements: Iterable[Element]) -> int:
        """The questions after which a name that stands for these is not asked for."""
        return _MAX_QUESTIONS if any(e.label in ALWAYS for e in elements) else self._room

    def _ask(self, name: str, most: int) -> bool:
        if name in self._new or name in self._taken:
            return True
        if len(self._new) + len(self._taken) + self._resolving >= most:
            return False
        self._new[name] = None
        return True

    def bound(self, resolving: list[DnsQuestion]) -> list[DnsQuestion]:
        """Leave out what is more than the message may ask for, of ``resolving`` too."""
        self._room += len(self._tests)  # not the message's
        if len(self._new) + len(resolving) > self._room:
            lists = [names for _, names in self._asked]
            kept = affordable(
                [*lists, resolving],
                self._tests.keys() | always_asked(lists),
                self._room,
            )
            self._new = {name: None for name in self._new if name in kept}
            self._asked = [
                (rule, {name: elements for name, elements in names.items() if name in kept})
                for rule, names in self._asked
            ]
            resolving = [question for question in resolving if question in kept]
        self._resolving = len(resolving)
        return resolving

    def take(self) -> list[DnsQuestion]:
        """The questions that were not asked yet."""
        new, self._new = self._new, {}
        self._taken.update(new)
        return [dns_question((name, "A")) for name in new]

    def answer(self, answers: Sequence[DnsAnswer]) -> None:
        """Keep what was answered to the questions of the last ``take``."""
        for answer in answers:
            if answer.status not in MISSING:
                self._heard[answer.question.name] = answer
        if self._tests:
            said = {answer.question.name: answer for answer in answers}
            for name, rule in self._tests.items():
                if name in said:
                    self._lists.monitor.take(rule, said[name])
            self._tests = {}

    def findings(self) -> list[Finding]:
        """The symbols of all answers."""
        heard = []
        answers = self._heard
        if not answers:
            return []
        for rule, names in self._asked:
            if answers.keys().isdisjoint(names) or not self._lists.monitor.is_alive(rule):
                continue  # nearly all
            for name, elements in names.items():
                if name in answers:
                    heard.append((Lookup(rule, name, elements), answers[name]))
        if not heard:
            return []
        good = {pair for lookup, answer in heard for pair in vouched(lookup, answer)}
        return [
            finding for lookup, answer in heard for finding in findings_of(lookup, answer, good)
        ]


def _named(session: _Session, rule: Rule, elements: Elements) -> Iterator[tuple[Rule, Element]]:
    """Names to resolve first; addresses are looked up as they are."""
    session.add_later(rule, tuple(element for element in elements if element.ip is not None))
    for element in elements:
        if element.ip is None and not session.is_whitelisted(rule, element):
            yield rule, element


def _resolving(wanted: Iterable[tuple[Rule, Element]]) -> list[DnsQuestion]:
    questions: dict[DnsQuestion, None] = {}
    for rule, element in wanted:
        for rdtype in _types(rule):
            if len(questions) < _MAX_QUESTIONS:
                questions[DnsQuestion(element.part, rdtype)] = None
    return list(questions)


def _types(rule: Rule) -> tuple[str, ...]:
    """Both, unless a rule says that it wants addresses of one family."""
    if rule.ipv4 == rule.ipv6:
        return ("A", "AAAA")
    return ("A",) if rule.ipv4 else ("AAAA",)


def _resolved(rule: Rule, element: Element, known: dict[DnsQuestion, DnsAnswer]) -> Elements:
    found = []
    for rdtype in _types(rule):
        answer = known.get(DnsQuestion(element.part, rdtype))
        for text in () if answer is None else answer.records[:_MAX_ADDRESSES]:
            made = of_ip(ip_address(text), element.label)
            found.append(made._replace(shown=f"{made.shown}:{element.shown}"))
    return tuple(found)
