"""The names of symbols and groups that there are under a configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from filter_engine.config.model import Config
from filter_engine.config.sections import FOREIGN_GROUPS
from filter_engine.lazy_dataclass import frozen
from filter_engine.lint.stock_symbols import STOCK_GROUPS, STOCK_SYMBOLS
from filter_engine.lint.tree import scalars, text
from filter_engine.ucl.nodes import UclObject

#: Rspamd's symbols whose end a rule or an address makes.
_MADE = ("FORCE_ACTION_", "RATELIMIT_", "BAYES_", "NEURAL_", "FUZZY_", "SPAMTRAP_")
_LIKENESS = 0.7

_EXPRESSIONS = ("expression", "require_symbols")


@frozen
class Names:
    """What can be named: ``symbols`` and ``groups`` of this engine, ``foreign`` of Rspamd's."""

    symbols: frozenset[str]
    groups: frozenset[str]
    #: Symbols that rules of modules may set which this engine does not serve.
    foreign: frozenset[str]

    def has_symbol(self, name: str) -> bool:
        """Whether something here may set a symbol."""
        return name in self.symbols

    def is_foreign(self, name: str) -> bool:
        """Whether Rspamd, or a rule of a module of its, may set a symbol."""
        return name in self.foreign or name in STOCK_SYMBOLS or name.startswith(_MADE)

    def has_group(self, name: str) -> bool:
        """Whether a symbol may be in a group."""
        return name in self.groups

    def near_symbol(self, name: str) -> str:
        """The symbol that was likely meant, empty when there is none."""
        return _near(name, self.symbols) or _near(name, self.foreign | STOCK_SYMBOLS)

    def near_group(self, name: str) -> str:
        """The group that was likely meant, empty when there is none."""
        return _near(name, self.groups)


def names_of(config: Config, symbols: Iterable[tuple[str, Iterable[str]]]) -> Names:
    """The names under a configuration; ``symbols`` are those of the checks with their groups."""
    known: set[str] = set(config.composites)
    groups = {composite.group for composite in config.composites.values()}
    groups |= STOCK_GROUPS | FOREIGN_GROUPS
    for name, of in symbols:
        known.add(name)
        groups.update(of)
    for said in config.symbols.values():
        groups.update(said.groups)
    for rule in config.settings.values():
        known.update(rule.symbols, rule.apply.symbols)
    foreign = {name for node in config.raw_modules.values() for name in _named(node)}
    return Names(frozenset(known), frozenset(groups), frozenset(foreign))


def _named(module: UclObject) -> Iterator[str]:
    """Names of rules, which may be symbols, and every word that a module's section holds."""
    for path, value in scalars(module):
        for key in path:
            yield key
            yield key.upper()
        if path and path[-1] in _EXPRESSIONS:
            continue  # what asks for a symbol makes none
        word = text(value)
        if word and " " not in word:
            yield word


def _near(name: str, names: Iterable[str]) -> str:
    by_case = {known.upper(): known for known in sorted(names)}
    close = difflib.get_close_matches(name.upper(), by_case, n=1, cutoff=_LIKENESS)
    return by_case[close[0]] if close else ""
