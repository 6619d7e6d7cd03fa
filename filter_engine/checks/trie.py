"""Fixed strings in a message (module trie): ``trie { NAME { patterns = ["buy now"]; } }``.

Source: Rspamd's documentation of the module. Case does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from filter_engine.checks.regexp.matcher import Matcher, Slot
from filter_engine.checks.regexp.places import Kind, Place, Texts
from filter_engine.config.kinds import BOOLEAN, NUMBER, STRING, WORDS, list_of, rules_of, text_of
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import (
    REST,
    Binder,
    MisfitError,
    Option,
    Section,
    declare_known,
    known,
    option,
)
from filter_engine.config.schema import Kind as OptionKind
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching import DatabaseCache, literal
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding
from filter_engine.ucl.nodes import UclNode
from filter_engine.ucl.regular_file import read_regular_file

NAME: Final = "trie"
MAX_FILE: Final = 16 * 1024 * 1024
"""Octets of a file of strings."""
MAX_HITS: Final = 100
"""Findings of one rule that says ``multi``."""


def _lines(nodes: list[UclNode], _binder: Binder) -> tuple[str, ...]:
    path = text_of(nodes[0])
    try:
        data = read_regular_file(path.removeprefix("file://"), MAX_FILE)
    except OSError as error:
        raise MisfitError(f"cannot read {path}: {error.strerror}", node=nodes[0]) from None
    return tuple(line for line in data.decode("utf-8", "replace").splitlines() if line)


LINES: OptionKind[tuple[str, ...]] = OptionKind("path of a file of lines", _lines)


@options_class
class TrieRule(Section):
    """``trie.NAME``: one set of strings; the name is its symbol."""

    anchor: ClassVar[str] = "modules/trie"
    known: ClassVar[Mapping[str, Option]] = declare_known(
        binary=known(BOOLEAN, False, doc="the file holds lengths and octets"),
        one_param=known(BOOLEAN, doc="keep one option only"),
    )

    lines: tuple[str, ...] = option(LINES, (), key="file", doc="file with one string a line")
    patterns: tuple[str, ...] = option(list_of(STRING), (), doc="the strings")
    raw: bool = option(BOOLEAN, False, doc="look at the raw message")
    body: bool = option(BOOLEAN, False, doc="look at the raw text of the parts")
    multi: bool = option(BOOLEAN, False, doc="every occurrence counts")
    score: float = option(NUMBER, 0.0, doc="score of the symbol", aliases=("weight",))
    description: str = option(STRING, "", doc="what people read about the symbol")
    groups: tuple[str, ...] = option(WORDS, (), doc="its groups", key="group", aliases=("groups",))
    one_shot: bool = option(BOOLEAN, False, doc="count once")

    @property
    def place(self) -> Place:
        """Where the strings are looked for: in the texts that people read by default."""
        return Place(Kind.BODY if self.raw else Kind.RAW_MIME if self.body else Kind.MIME)


@options_class
class TrieOptions(Section):
    """Fixed strings in the message."""

    anchor: ClassVar[str] = "modules/trie"

    rules: Mapping[str, TrieRule] = option(
        rules_of(TrieRule, NAME), MappingProxyType({}), key=REST, doc="a set of strings"
    )


@frozen
class Trie:
    """All strings of all rules, compiled."""

    matcher: Matcher
    slots: Mapping[str, tuple[tuple[Slot, str], ...]]
    """By symbol: each string with where it is looked for."""


def symbols_of(options: TrieOptions) -> Iterator[Symbol]:
    """The symbols of a site's rules."""
    for name, rule in options.rules.items():
        yield Symbol(
            name,
            rule.score,
            rule.description,
            rule.groups,
            rule.one_shot,
            origin=rule.written_at("score"),
        )


def prepare(options: TrieOptions, setup: Setup) -> Trie:
    """Compile all strings."""
    matcher = Matcher(NAME)
    slots = {
        name: tuple(
            (matcher.add(rule.place, literal(text, ignore_case=True, name=name)), text)
            for text in dict.fromkeys((*rule.patterns, *rule.lines))
            if text
        )
        for name, rule in options.rules.items()
    }
    matcher.compile(DatabaseCache.below(setup.config.variables.get("DBDIR")))
    return Trie(matcher, slots)


@check(
    NAME,
    symbols=(),
    options=TrieOptions,
    prepare=prepare,
    symbols_of=symbols_of,
    has_work=lambda options: bool(options.rules),
)
def trie(task: Task) -> list[Finding]:
    """A finding for each rule with a string in the message, or with ``multi`` for each place."""
    state: Trie | None = task.state(NAME)
    found: list[Finding] = []
    if state is None or not state.slots:
        return found
    matches = state.matcher.on(Texts(task.message))
    rules = task.options(TrieOptions).rules
    for name, slots in state.slots.items():
        for slot, text in slots:
            if not matches.hit(slot):
                continue
            number = matches.count(slot, MAX_HITS) if rules[name].multi else 1
            found += [Finding(name, (text,), evidence=f"{slot.place}: {text!r}")] * number
            if not rules[name].multi:
                break
    return found
