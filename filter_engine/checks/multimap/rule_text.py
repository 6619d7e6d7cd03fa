"""Rules of type ``regexp_rules``: the map is a text of rules, written as SpamAssassin's.

Besides SpamAssassin's directives there is ``selector NAME SELECTOR =~ /pattern/``. Each rule is a
symbol of its own; one that nobody scores has the score of the text.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from filter_engine.checks.multimap.options import MultimapRule
from filter_engine.checks.regexp.places import Texts
from filter_engine.checks.regexp.selecting import selector_of
from filter_engine.checks.spamassassin.book import SpamAssassinBook
from filter_engine.checks.spamassassin.reader import read_texts
from filter_engine.config.map_definition import MapKind
from filter_engine.matching import DatabaseCache, PatternError
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

log = logging.getLogger(__name__)


class RuleText:
    """The rules of one map; made anew, in a thread, when the map changes."""

    def __init__(self, name: str, options: MultimapRule, setup: Setup) -> None:
        self.symbol = options.name(name)
        self._where = f"multimap.{name}"
        self._cache = DatabaseCache.below(setup.config.variables.get("DBDIR"))
        self._map = setup.maps.of(options.map, MapKind.TEXT, self._where)
        self._book: SpamAssassinBook | None = None
        self._made = threading.Lock()
        self.read()
        self._map.on_change(lambda: threading.Thread(target=self.read, daemon=True).start())

    def read(self) -> None:
        """Read the map's rules; what cannot be used is logged, and the rest counts."""
        with self._made:
            found = read_texts(self._map.texts(), strict=True)
            for problem in found.problems:
                log.log(logging.WARNING if problem.serious else logging.INFO, "%s", problem)
            symbols = frozenset(name for name in found.tests if found.is_symbol(name, 0.0))
            book = SpamAssassinBook(found, symbols)
            try:
                book.compile(self._cache)
            except PatternError as error:
                log.error("%s: %s; the old rules stay", self._where, error)
                return
            self._book = book

    def findings(self, task: Task) -> Iterator[Finding]:
        """The rules that hold."""
        book = self._book
        if book is None or not task.is_wanted(self.symbol):
            return
        texts = Texts(task.message, selector=selector_of(task))
        for name, weight, evidence in book.holding(task, texts):
            scored = name in task.scores
            score = 1.0 if scored else book.found.scores.get(name, 0.0)
            yield Finding(name, (), weight * score, evidence, forced=not scored)
