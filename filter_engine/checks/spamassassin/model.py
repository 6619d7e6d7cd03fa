"""What rule files say, before it is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from filter_engine.config.expression import Expression
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching import Pattern


class RuleType(StrEnum):
    """The directive that defines a rule."""

    HEADER = "header"
    BODY = "body"
    RAWBODY = "rawbody"
    FULL = "full"
    URI = "uri"
    MIMEHEADER = "mimeheader"
    META = "meta"
    SELECTOR = "selector"
    """Not SpamAssassin's: a pattern in what a selector gives."""


@frozen
class Test:
    """What a rule looks at: a pattern, the existence of a header, a function or an expression."""

    type: RuleType
    origin: str
    """``file:line``."""
    header: str = ""
    """Name of the header, in lower case without modifier; of type selector the selector."""
    modifier: str = ""
    """``raw``, ``addr``, ``name`` or nothing."""
    pattern: Pattern | None = None
    negated: bool = False
    """``!~``: holds when the pattern does not match."""
    if_unset: str | None = None
    """What a header that is missing is taken for."""
    function: str = ""
    """Name of an eval function."""
    arguments: tuple[str, ...] = ()
    expression: Expression | None = None


@frozen
class Problem:
    """Something in a file that is not used."""

    place: str
    """``file:line``."""
    message: str
    serious: bool = True
    """False for what this engine does not serve, True for what is wrong."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(slots=True, eq=False)
class RuleFiles:
    """All rules of some files; a later definition takes the place of an earlier one."""

    files: tuple[str, ...] = ()
    tests: dict[str, Test] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    """Rules that count several matches -> how many at most."""
    lists: dict[str, list[str]] = field(default_factory=dict)
    """``freemail_domains``, ``whitelist_from``, ... -> their entries, in lower case."""
    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(self.files)

    def is_symbol(self, name: str, alpha: float) -> bool:
        """Whether a rule is reported: meta rules, and others with a score of ``alpha`` or more."""
        test = self.tests.get(name)
        if test is None or name.startswith("__"):
            return False
        score = self.scores.get(name)
        if test.type is RuleType.META:
            return score is None or score != 0
        return score is not None and abs(score) >= alpha
