"""Expressions over symbols: ``A & (!B | g+:fuzzy[opt]) & C + D > 2``.

Source: Rspamd's documentation of composites. Operators, strongest first: ``!`` ``not``; ``*``
``/``; ``+`` ``-``; ``<`` ``<=`` ``>`` ``>=`` ``==`` ``!=``; ``&`` ``&&`` ``and``; ``|`` ``||``
``or``. An atom is a symbol, or ``g:GROUP`` (any symbol of the group), ``g+:GROUP`` (those whose
score is above zero), ``g-:GROUP`` (below). ``[a,/re/]`` asks for options, all of them. In front of
an atom ``~`` keeps the symbol without its weight, ``-`` keeps both, ``^`` removes both whatever
other composites say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from filter_engine.lazy_dataclass import frozen

MAX_LENGTH = 16384
MAX_DEPTH = 64
#: Symbols and numbers; also bounds how deep the compiled expression calls.
MAX_OPERANDS = 256


class ExpressionError(ValueError):
    """An expression cannot be read; ``column`` counts from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} at column {column} of the expression")
        self.column = column


@frozen
class Atom:
    """A symbol or a group of symbols, as it stands in an expression."""

    name: str
    #: "" for a symbol; "g", "g+" or "g-" for a group.
    group: str = ""
    #: What the symbol's options have to hold: a text that is one of them, or a pattern.
    options: tuple[str | re.Pattern[str], ...] = ()
    keeps_symbol: bool = False
    keeps_weight: bool = False
    forced: bool = False
    #: Below a negation: the composite never removes it.
    negated: bool = False


#: What an atom is worth: 0 when its symbol is absent.
Values: TypeAlias = Callable[[Atom], float]
Node: TypeAlias = Callable[[Values], float]
Needs: TypeAlias = tuple[frozenset[Atom], ...]
"""Sets of atoms: where it is true, one of each is there. Empty: it may be true without any."""


@frozen
class Expression:
    """A compiled expression; every atom is looked at, also where the outcome is settled."""

    text: str
    atoms: tuple[Atom, ...]
    _node: Node
    needs: Needs = ()

    def value(self, values: Values) -> float:
        """The worth of the expression; 0 is false."""
        return self._node(values)


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<op>&&?|\|\|?|<=|>=|==|!=|[<>()+*/!])
      | (?P<word>(?:and|or|not)(?![\w\[:.-]))
      | (?P<number>\d+(?:\.\d+)?(?![\w.\[:-]))
      | (?P<minus>-(?=[\s(\d]))
      | (?P<atom>[~^-]*[A-Za-z0-9_](?:[A-Za-z0-9_.:$-]|(?<=g)\+(?=:))*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_BLANK = re.compile(r"\s*\Z")
_WORDS = {"and": "&", "or": "|", "not": "!", "&&": "&", "||": "|"}
_BINDING = {
    "|": 1,
    "&": 2,
    "<": 3,
    "<=": 3,
    ">": 3,
    ">=": 3,
    "==": 3,
    "!=": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
}
_COMBINE: dict[str, Callable[[float, float], float]] = {
    "|": lambda a, b: a or b,
    "&": lambda a, b: b if a and b else 0.0,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else 0.0,
}


@frozen
class _Token:
    kind: str
    text: str
    column: int
    atom: Atom | None = None


def parse_expression(text: str) -> Expression:
    """Compile an expression. Raises ``ExpressionError``."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._atoms: list[Atom] = []
        self._operands = 0

    def parse(self) -> Expression:
        node, needs = self._binary(1, negated=False, depth=0)
        token = self._tokens[self._at]
        if token.kind != "end":
            raise ExpressionError(f"{token.text!r} where an operator is expected", token.column)
        return Expression(self._text, tuple(self._atoms), node, needs)

    def _binary(self, least: int, *, negated: bool, depth: int) -> tuple[Node, Needs]:
        left = self._operand(negated=negated, depth=depth)
        while True:
            token = self._tokens[self._at]
            binding = _BINDING.get(token.text, 0) if token.kind == "op" else 0
            if binding < least or not binding:
                return left
            self._at += 1
            right = self._binary(binding + 1, negated=negated, depth=depth)
            node = _combined(_COMBINE[token.text], left[0], right[0])
            left = node, _needed(token.text, left[1], right[1])

    def _operand(self, *, negated: bool, depth: int) -> tuple[Node, Needs]:
        token = self._tokens[self._at]
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", token.column)
        self._at += 1
        self._operands += 1
        if self._operands > MAX_OPERANDS:
            raise ExpressionError(f"more than {MAX_OPERANDS} symbols", token.column)
        if token.atom is not None:
            atom = replace(token.atom, negated=negated)
            self._atoms.append(atom)
            return lambda values: values(atom), (frozenset((atom,)),)
        if token.kind == "number":
            number = float(token.text)
            return lambda _values: number, ()
        if token.kind == "op" and token.text == "!":
            inner, _ = self._operand(negated=True, depth=depth + 1)
            return lambda values: float(not inner(values)), ()
        if token.kind == "op" and token.text == "(":
            node = self._binary(1, negated=negated, depth=depth + 1)
            closing = self._tokens[self._at]
            if closing.kind != "op" or closing.text != ")":
                raise ExpressionError("a parenthesis is not closed", token.column)
            self._at += 1
            return node
        raise ExpressionError(
            "the expression ends too early"
            if token.kind == "end"
            else f"{token.text!r} where a symbol is expected",
            token.column,
        )


def _combined(combine: Callable[[float, float], float], left: Node, right: Node) -> Node:
    return lambda values: combine(left(values), right(values))


def _needed(operator: str, left: Needs, right: Needs) -> Needs:
    """What has to be there for ``left operator right`` to be true; what is absent is worth 0."""
    if operator in ("&", "*"):
        return left + right
    if operator == "/":
        return left
    if operator in ("|", "+", "-") and left and right:
        return (min(left, key=len) | min(right, key=len),)
    return ()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while _BLANK.match(text, at) is None:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            blank = len(text) - len(text[at:].lstrip())
            raise ExpressionError(f"{text[blank]!r} is not possible here", blank + 1)
        kind, word = match.lastgroup, match[match.lastgroup]
        column = match.start(kind) + 1
        at = match.end()
        if kind in ("op", "word", "minus"):
            lower = word.lower()
            yield _Token("op", _WORDS.get(lower, lower), column)
        elif kind == "number":
            yield _Token("number", word, column)
        else:
            options: tuple[str | re.Pattern[str], ...] = ()
            if text.startswith("[", at):
                options, at = _options(text, at)
            yield _Token("atom", word, column, _named(word, options, column))
    yield _Token("end", "", len(text) + 1)


def _named(word: str, options: tuple[str | re.Pattern[str], ...], column: int) -> Atom:
    name = word.lstrip("~-^")
    prefixes = word[: len(word) - len(name)]
    group, colon, rest = name.partition(":")
    if colon and group in ("g", "g+", "g-"):
        name = rest
    else:
        group = ""
    if not name:
        raise ExpressionError("the name of the group is missing", column)
    keeps = "-" in prefixes
    return Atom(
        name,
        group,
        options,
        keeps_symbol=keeps or "~" in prefixes,
        keeps_weight=keeps,
        forced="^" in prefixes,
    )


# No blanks at the edges of these: a run of them would be tried at each of its places.
_PATTERN = re.compile(r"/(?P<re>(?:[^/\\]|\\.)*)/(?P<flags>[a-z]*)\s*(?P<end>[,\]])")
_WORD = re.compile(r"(?P<text>[^\],]+)(?P<end>[,\]])")


def _options(text: str, at: int) -> tuple[tuple[str | re.Pattern[str], ...], int]:
    """What stands in brackets behind a symbol, and where it ends."""
    opening, at = at + 1, at + 1
    found: list[str | re.Pattern[str]] = []
    while True:
        while text[at : at + 1].isspace():
            at += 1
        match = _PATTERN.match(text, at)
        if match is not None:
            found.append(_compiled(match))
        else:
            match = _WORD.match(text, at)
            if match is None:
                raise ExpressionError("the options in brackets are not closed", opening)
            found.append(match["text"].rstrip())
        at = match.end()
        if match["end"] == "]":
            return tuple(found), at


def _compiled(match: re.Match[str]) -> re.Pattern[str]:
    try:
        return re.compile(match["re"], re.IGNORECASE if "i" in match["flags"] else re.NOFLAG)
    except re.error as error:
        message = f"the pattern is wrong: {error}"
        raise ExpressionError(message, match.start("re") + 1) from None
