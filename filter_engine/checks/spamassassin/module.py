"""The module ``spamassassin``: a site's rule files of SpamAssassin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from filter_engine.checks.regexp.places import Texts
from filter_engine.checks.regexp.selecting import selector_of
from filter_engine.checks.spamassassin.book import SpamAssassinBook
from filter_engine.checks.spamassassin.model import RuleFiles
from filter_engine.checks.spamassassin.reader import read_files
from filter_engine.checks.taken_symbols import tell_taken
from filter_engine.config.findings import Severity
from filter_engine.config.kinds import MAP, NUMBER, SIZE, WORDS, at_least
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Binder, Kind, Section, option
from filter_engine.matching import DatabaseCache
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding
from filter_engine.ucl.nodes import UclNode

NAME: Final = "spamassassin"
_GROUP: Final = ("spamassassin",)


def _rule_files(nodes: list[UclNode], binder: Binder) -> RuleFiles:
    written = (path for text in MAP.convert(nodes, binder) for path in text.split(", "))
    found = read_files(path.removeprefix("file://") for path in written if path)
    for problem in found.problems:
        if problem.serious:
            hint = "docs/rules.md says what is read"
            binder.report(Severity.WARNING, "sa-rule", nodes[0], str(problem), hint)
        else:
            binder.report(Severity.INFO, "not-served", nodes[0], str(problem))
    return found


RULE_FILES: Kind[RuleFiles] = Kind("paths of rule files", _rule_files, multiple=True)
_NONE: Final = RuleFiles()


@options_class
class SpamAssassinOptions(Section):
    """Rule files of SpamAssassin."""

    anchor: ClassVar[str] = "modules/spamassassin"

    files: RuleFiles = option(
        RULE_FILES,
        _NONE,
        key="ruleset",
        aliases=("rules", "base_ruleset"),
        doc="files, or shell patterns of files, with rules",
    )
    alpha: float = option(
        at_least(NUMBER, 0), 0.5, doc="smallest score, up or down, of a rule that is reported"
    )
    match_limit: int = option(SIZE, 0, unit="bytes", doc="looked at of a text; 0: all of it")
    pcre_only: tuple[str, ...] = option(WORDS, (), doc="rules that are not given to Hyperscan")

    def tell(self, binder: Binder) -> None:
        """Rules that have the symbol of a check."""
        at = self.origin("files")
        for name in sorted(self.symbols):
            tell_taken(name, NAME, name, at, binder)

    @property
    def symbols(self) -> frozenset[str]:
        """The rules that are reported."""
        return frozenset(n for n in self.files.tests if self.files.is_symbol(n, self.alpha))


def symbols_of(options: SpamAssassinOptions) -> Iterator[Symbol]:
    """The reported rules with their scores and descriptions."""
    files = options.files
    for name in sorted(options.symbols):
        yield Symbol(name, files.scores.get(name, 0.0), files.descriptions.get(name, ""), _GROUP)


def prepare(options: SpamAssassinOptions, setup: Setup) -> SpamAssassinBook | None:
    """Compile the patterns of all rules that count; None without rules."""
    if not options.files.tests:
        return None
    book = SpamAssassinBook(options.files, options.symbols, alone=frozenset(options.pcre_only))
    book.compile(DatabaseCache.below(setup.config.variables.get("DBDIR")))
    return book


@check(
    NAME,
    symbols=(),
    options=SpamAssassinOptions,
    prepare=prepare,
    symbols_of=symbols_of,
    has_work=lambda options: bool(options.files.tests),
)
def spamassassin(task: Task) -> list[Finding]:
    """The rules of the files; meta rules weigh once, ``tflags multiple`` as often as they match."""
    book: SpamAssassinBook | None = task.state(NAME)
    if book is None:
        return []
    limit = task.options(SpamAssassinOptions).match_limit
    texts = Texts(task.message, limit=limit, selector=selector_of(task))
    return [
        Finding(name, (), weight, evidence) for name, weight, evidence in book.holding(task, texts)
    ]
