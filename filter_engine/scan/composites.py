"""Composites: symbols that are set because of other symbols, and may take their place.

Source: Rspamd's documentation of composites. Evaluated over the results of the filters; a symbol
that several matched composites want to remove stays, or keeps its weight, when one of them wants
that, unless one insists (``^``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from filter_engine.config.composites import CompositeConfig
from filter_engine.config.expression import Atom, Expression
from filter_engine.lazy_dataclass import frozen, settled
from filter_engine.scan.metric import Score
from filter_engine.scan.verdict import SymbolResult

_LEAST = 0.001
"""What a symbol that weighs nothing is worth in an expression: enough to be true."""


@frozen
class _Composite:
    name: str
    expression: Expression
    removes_symbol: bool
    removes_weight: bool


@frozen
class _Group:
    """The symbols of a group."""

    names: frozenset[str]
    composites: tuple[str, ...]
    """Those of them that composites set, in the order of the scores."""


@settled
class Matched:
    """What the composites make of one message."""

    names: tuple[str, ...]
    without_symbol: frozenset[str]
    without_weight: frozenset[str]

    def joined(self, later: Matched) -> Matched:
        """Both, the later one's composites after those of this one."""
        return Matched(
            tuple(dict.fromkeys(self.names + later.names)),
            self.without_symbol | later.without_symbol,
            self.without_weight | later.without_weight,
        )

    def settle(self, results: Iterable[SymbolResult]) -> tuple[tuple[SymbolResult, ...], float]:
        """The results that stay, and the weight of those that go and leave theirs behind."""
        stay: list[SymbolResult] = []
        left = 0.0
        for result in results:
            score = 0.0 if result.name in self.without_weight else result.score
            if result.name in self.without_symbol:
                left += score
            else:
                stay.append(result if score == result.score else result._replace(score=score))
        return tuple(stay), left


class Composites:
    """The composites of a configuration, indexed by what can make them true."""

    def __init__(
        self, configured: Mapping[str, CompositeConfig], scores: Mapping[str, Score]
    ) -> None:
        self.configured = configured
        self._scores = scores
        self._all = {
            name: _Composite(
                name,
                said.expression,
                removes_symbol=said.policy in ("default", "remove_all", "remove_symbol"),
                removes_weight=said.policy in ("default", "remove_all", "remove_weight"),
            )
            for name, said in configured.items()
            if said.expression is not None and said.enabled and _is_on(name, scores)
        }
        self._groups = _groups(scores, self._all)
        self._order = {name: number for number, name in enumerate(self._all)}
        self._by_symbol: dict[str, list[str]] = {}
        matched = _Evaluation(self._all, self._groups, scores, {}).run(self._all)
        self._always = () if matched is None else matched.names
        """Those that are set when nothing was found."""
        self._needs: dict[str, tuple[frozenset[str], ...]] = {}
        """Of each, sets of symbols: it is not set where one of them has none of its symbols."""
        for composite in self._all.values():
            if composite.name in self._always:
                continue
            below = map(self._symbols_below, composite.expression.needs)
            needs = [symbols for symbols in below if symbols.isdisjoint(self._always)]
            if not needs:
                needs = [self._symbols_below(composite.expression.atoms)]
            first, *others = sorted(needs, key=len)
            self._needs[composite.name] = tuple(others)
            for symbol in first:
                self._by_symbol.setdefault(symbol, []).append(composite.name)
        self._triggers = frozenset(self._by_symbol)

    def evaluate(self, results: Mapping[str, SymbolResult]) -> Matched | None:
        """The composites that these results, by their names, set; None when there are none."""
        wanted = set(self._always)
        by_symbol, needs, present = self._by_symbol, self._needs, results.keys()
        for symbol in self._triggers.intersection(results):
            for name in by_symbol[symbol]:
                if not any(map(present.isdisjoint, needs[name])):
                    wanted.add(name)
        if not wanted:
            return None
        return _Evaluation(self._all, self._groups, self._scores, results).run(
            sorted(wanted, key=self._order.__getitem__)
        )

    def _symbols_below(self, atoms: Iterable[Atom]) -> frozenset[str]:
        """Symbols that can make one of the atoms true, those of composites in it included."""
        found: set[str] = set()
        pending, seen = [atoms], set[str]()
        while pending:
            for atom in pending.pop():
                names: Collection[str] = (atom.name,)
                if atom.group:
                    group = self._groups.get(_group_key(atom))
                    names = () if group is None else group.names
                found.update(names)
                for name in names:
                    if name in self._all and name not in seen:
                        seen.add(name)
                        pending.append(self._all[name].expression.atoms)
        return frozenset(found)


class _Evaluation:
    """One message's composites; each is settled once, those it needs before it."""

    def __init__(
        self,
        composites: Mapping[str, _Composite],
        groups: Mapping[tuple[str, str], _Group],
        scores: Mapping[str, Score],
        results: Mapping[str, SymbolResult],
    ) -> None:
        self._composites = composites
        self._groups = groups
        self._scores = scores
        self._results = results
        self._settled: dict[str, bool] = {}
        self._used: dict[str, list[tuple[Atom, _Composite]]] = {}

    def run(self, names: Iterable[str]) -> Matched | None:
        for name in names:
            self._settle(name)
        matched = tuple(name for name, is_set in self._settled.items() if is_set)
        if not matched:
            return None
        without_symbol, without_weight = set[str](), set[str]()
        for symbol, uses in self._used.items():
            is_used = is_forced = keeps_weight = keeps_symbol = False
            for atom, composite in uses:
                if atom.negated or not self._settled[composite.name]:
                    continue
                is_used = True
                is_forced = is_forced or atom.forced
                keeps_weight = keeps_weight or atom.keeps_weight or not composite.removes_weight
                keeps_symbol = keeps_symbol or atom.keeps_symbol or not composite.removes_symbol
            if is_used and (is_forced or not keeps_weight):
                without_weight.add(symbol)
            if is_used and (is_forced or not keeps_symbol):
                without_symbol.add(symbol)
        return Matched(matched, frozenset(without_symbol), frozenset(without_weight))

    def _settle(self, name: str) -> bool:
        known = self._settled.get(name)
        if known is None:
            self._settled[name] = False  # loops are refused when the configuration is read
            composite = self._composites[name]
            value = composite.expression.value(partial(self._worth, composite))
            known = self._settled[name] = bool(value)
        return known

    def _worth(self, composite: _Composite, atom: Atom) -> float:
        if not atom.group:
            if atom.name not in self._results and atom.name not in self._composites:
                return 0.0  # nearly all
            return self._worth_of(atom.name, atom, composite)
        group = self._groups.get(_group_key(atom))
        if group is None:
            return 0.0
        most = 0.0
        for name in group.names.intersection(self._results):
            most = max(most, self._worth_of(name, atom, composite))
        for name in group.composites:
            if name not in self._results:
                most = max(most, self._worth_of(name, atom, composite))
        return most

    def _worth_of(self, name: str, atom: Atom, composite: _Composite) -> float:
        result = self._results.get(name)
        if result is None:
            if name == composite.name or name not in self._composites or not self._settle(name):
                return 0.0
            score = self._scores.get(name)
            worth = (0.0 if score is None else abs(score.value)) or _LEAST
        else:
            if atom.options and not _has_options(result, atom):
                return 0.0
            worth = abs(result.score) or _LEAST
        self._used.setdefault(name, []).append((atom, composite))
        return worth


def _has_options(result: SymbolResult, atom: Atom) -> bool:
    return all(_has_option(result, wanted) for wanted in atom.options)


def _has_option(result: SymbolResult, wanted: str | re.Pattern[str]) -> bool:
    if isinstance(wanted, str):
        return wanted in result.options
    return any(wanted.search(option) for option in result.options)


def _is_on(name: str, scores: Mapping[str, Score]) -> bool:
    score = scores.get(name)
    return score is None or score.enabled


def _group_key(atom: Atom) -> tuple[str, str]:
    return atom.group, atom.name


def _groups(
    scores: Mapping[str, Score], composites: Mapping[str, _Composite]
) -> dict[tuple[str, str], _Group]:
    """(g, g+ or g-; group) -> its symbols, by the sign of their configured score."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, score in scores.items():
        for group in score.groups:
            found.setdefault(("g", group), []).append(name)
            if score.value > 0:
                found.setdefault(("g+", group), []).append(name)
            elif score.value < 0:
                found.setdefault(("g-", group), []).append(name)
    return {
        key: _Group(frozenset(names), tuple(filter(composites.__contains__, names)))
        for key, names in found.items()
    }
