"""One rule, ready to be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from filter_engine.checks.multimap.filters import value_text
from filter_engine.checks.multimap.options import CombinedMap, MultimapRule
from filter_engine.checks.multimap.result import read_value
from filter_engine.checks.multimap.types import compile_filter, values_of
from filter_engine.config.expression import Atom, Expression
from filter_engine.config.map_definition import MapDefinition, MapKind, define_text
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Hit, Map, Maps
from filter_engine.scan.question import ASK, DnsAnswer, Question
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, PreResult
from filter_engine.selectors import Selector, compile_selector

MAX_VALUES: Final = 1000
"""Values of one rule that are looked at in one mail."""
MAX_SHOWN: Final = 256
"""Characters of a value in evidence and options."""
_IP_FIELDS: Final = frozenset({"", "real_ip", "from_ip"})


class Rule(ABC):
    """A rule of any type."""

    def __init__(self, name: str, options: MultimapRule) -> None:
        self.symbol = options.name(name)
        self.options = options
        self._symbols = frozenset(options.symbols)

    def wanted(self, task: Task) -> bool:
        """Whether it is to be asked at all."""
        options = self.options
        if (options.skip_local and task.local) or (
            options.skip_authenticated and task.authenticated
        ):
            return False
        return task.is_wanted(self.symbol) or any(map(task.is_wanted, self._symbols))

    @property
    def idle(self) -> bool:
        """Whether it can find nothing in any mail for now without asking."""
        return False

    def questions(self, _task: Task) -> Sequence[Question[Any]]:
        """What has to be asked about a mail; nothing where the map is at hand."""
        return ()

    @abstractmethod
    def findings(self, task: Task) -> Iterator[Finding]:
        """What it finds in a mail without asking."""

    def answered(self, _task: Task, _answers: Sequence[Any]) -> Iterator[Finding]:
        """What the answers to its questions say, which come in their order."""
        return iter(())

    def may_set(self, symbol: str) -> bool:
        """Whether the map may name that symbol."""
        return symbol in self._symbols or not self._symbols


class ListRule(Rule):
    """A rule that asks a list in DNS for the client's address."""

    def __init__(self, name: str, options: MultimapRule) -> None:
        super().__init__(name, options)
        self._zone = _zone(options.map)

    def questions(self, task: Task) -> Sequence[Question[DnsAnswer]]:
        """The client's address in the zone."""
        if task.ip is None or not self._zone:
            return ()
        pointer = task.ip.reverse_pointer
        reverse = pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
        return (ASK.dns(f"{reverse}.{self._zone}", "A"),)

    def findings(self, _task: Task) -> Iterator[Finding]:
        """Nothing: the module asks."""
        return iter(())

    def answered(self, _task: Task, answers: Sequence[DnsAnswer]) -> Iterator[Finding]:
        """Whether the list has it."""
        for answer in answers:
            if answer.records:
                evidence = f"{answer.question.name} A: {', '.join(map(str, answer.records))}"
                yield Finding(self.symbol, (self._zone,), 1.0, evidence)


class MapRule(Rule):
    """A rule of one map."""

    def __init__(self, name: str, options: MultimapRule, maps: Maps) -> None:
        super().__init__(name, options)
        self._filter = compile_filter(options.type, options.filter)
        self._values = values_of(options)
        definition = define_text(f"cdb://{options.cdb}") if options.cdb else options.map
        self._map = maps.of(definition, map_kind(options), f"multimap.{name}")
        self._every = (options.multi or self._map.multi) and not options.no_multi

    @property
    def idle(self) -> bool:
        """The map is empty, as one that is fetched is at first."""
        return not self._map

    def findings(self, task: Task) -> Iterator[Finding]:
        """One finding for each value that the map has."""
        if not self._map:
            return
        for value in islice(self._values(task), MAX_VALUES):
            if isinstance(value, bytes):
                yield from self._matched(value, "the content", ())
                continue
            texts = self._filter(value)[:MAX_VALUES]
            for text in texts:
                yield from self._matched(text, value_text(value), texts)

    def _matched(self, key: str | bytes, seen: str, shown: Sequence[str]) -> Iterator[Finding]:
        hits: Iterator[Hit]
        if self._every:
            hits = self._map.find_all(key)
        else:
            hit = self._map.find(key)
            hits = iter(() if hit is None else (hit,))
        for hit in hits:
            evidence = f"{self.options.type} {seen[:MAX_SHOWN]!r}: {hit.where} {hit.entry!r}"
            options = tuple(text[:MAX_SHOWN] for text in shown)
            yield told(self, hit.value, options, evidence)


class CombinedRule(Rule):
    """A rule whose expression joins several maps."""

    def __init__(self, name: str, options: MultimapRule, maps: Maps) -> None:
        super().__init__(name, options)
        assert options.expression is not None
        self._expression: Expression = options.expression
        self._parts: Mapping[str, _Part] = {
            part: _part(part, said, maps, f"multimap.{name}.rules.{part}")
            for part, said in options.rules.items()
        }

    def findings(self, task: Task) -> Iterator[Finding]:
        """One finding for each map that matched, if the expression holds."""
        matched: dict[str, tuple[str, Hit]] = {}

        def worth(atom: Atom) -> float:
            part = self._parts[atom.name]
            if atom.name in matched:
                return 1.0
            for text in part.selector.values(task)[:MAX_VALUES]:
                hit = part.map.find(text)
                if hit is not None:
                    matched[atom.name] = (text, hit)
                    return 1.0
            return 0.0

        if not self._expression.value(worth):
            return
        for name, (text, hit) in matched.items():
            evidence = f"{name} {text[:MAX_SHOWN]!r}: {hit.where} {hit.entry!r}"
            yield told(self, hit.value, (f"{name}={text[:MAX_SHOWN]}",), evidence)
        if not matched:
            yield Finding(self.symbol, (), 1.0, f"{self._expression.text}: none of its maps")


@frozen
class _Part:
    selector: Selector
    map: Map


def told(rule: Rule, value: str, options: tuple[str, ...], evidence: str) -> Finding:
    """The finding that a map's value asks for.

    A symbol that the map names counts as it is when the rule lists it or lists none at all; then
    one that nobody declared has the map's score. Otherwise the rule's own symbol is set.
    """
    said = read_value(value)
    if not said.symbol:
        return Finding(rule.symbol, options, said.weight, evidence)
    if rule.options.disable_multisymbol:
        return Finding(rule.symbol, (*options, value.strip()), said.weight, evidence)
    options = (*options, *said.options)
    if not (rule.options.dynamic_symbols or rule.may_set(said.symbol)):
        return Finding(rule.symbol, options, said.weight, evidence)
    return Finding(said.symbol, options, said.weight, evidence, forced=True)


def pre_result(rule: Rule) -> PreResult | None:
    """The action that a match of the rule forces."""
    if rule.options.action is None:
        return None
    message = rule.options.message or f"Matched map: {rule.symbol}"
    return PreResult(rule.options.action, message, "multimap")


def map_kind(options: MultimapRule) -> MapKind:
    if options.type == "ip" or options.filter == "ip_addr":
        return MapKind.RADIX
    if options.type == "received" and options.filter in _IP_FIELDS:
        return MapKind.RADIX
    if options.regexp:
        return MapKind.REGEXP
    return MapKind.GLOB if options.glob else MapKind.HASH


def _part(name: str, said: CombinedMap, maps: Maps, where: str) -> _Part:
    assert said.selector is not None
    kind = {"map": "hash", "ipnet": "radix"}.get(said.type, said.type) or _guessed(name)
    return _Part(compile_selector(said.selector.text), maps.of(said.map, kind, where))


def _guessed(name: str) -> str:
    """The kind of a combined rule's map, told by its name as in Rspamd."""
    if "ip" in name:
        return "radix"
    if "regexp" in name or "re_" in name:
        return "regexp"
    return "glob" if "glob" in name else "set"


def _zone(definition: MapDefinition) -> str:
    texts = [entry.text for entry in definition.entries]
    texts += [source.location for source in definition.sources]
    return texts[0].strip(".").lower() if texts else ""
