"""Lua expressions with filters: from words to a function of the variables.

Each level of operators is one loop over its operands, so a long chain costs no stack.
Source: the Lua 5.1 reference manual, sections 2.5 and 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from filter_engine.ucl.source import Source
from filter_engine.ucl.template.filters import FILTERS
from filter_engine.ucl.template.lexer import Token
from filter_engine.ucl.template.operators import BINARY, UNARY
from filter_engine.ucl.template.scope import Scope
from filter_engine.ucl.template.values import Table, TemplateError, Value, truth, work

#: A compiled expression.
Evaluate: TypeAlias = Callable[[Scope], Value]
#: What is done to a value: an index, a call, a filter.
Step: TypeAlias = Callable[[Scope, Value], Value]

_MAX_DEPTH = 24
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("<", ">", "<=", ">=", "~=", "=="),
    ("..",),
    ("+", "-"),
    ("*", "/", "%"),
)
_CONSTANTS = {"nil": None, "true": True, "false": False}
_RESERVED = frozenset(
    ("and", "break", "do", "else", "elseif", "end", "for", "function", "if", "in", "local", "not")
).union(("or", "repeat", "return", "then", "until", "while"))


class Parser:
    """Compiles the words of one tag."""

    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = 0
        self._depth = 0

    # -- words --------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The word that comes next."""
        return self.tokens[self.at]

    def accept(self, *words: str) -> Token | None:
        """Take the next word if it is a name or sign among ``words``."""
        token = self.token
        if token.kind in ("name", "op") and token.text in words:
            self.at += 1
            return token
        return None

    def expect(self, word: str) -> None:
        """Take the sign or name ``word``. Raises ``UclError``."""
        if self.accept(word) is None:
            raise self.fault(f"{word!r} expected")

    def name(self) -> str:
        """Take a name. Raises ``UclError``."""
        token = self.token
        if token.kind != "name" or token.text in _RESERVED or token.text in _CONSTANTS:
            raise self.fault("a name expected")
        self.at += 1
        return token.text

    def finish(self) -> None:
        """Nothing may follow. Raises ``UclError``."""
        if self.token.kind != "end":
            raise self.fault(f"unexpected {self.token.text!r}")

    def fault(self, message: str) -> Exception:
        """The error to raise at the next word."""
        return self.source.error(self.token.pos, f"in a template: {message}")

    # -- expressions --------------------------------------------------------------------------

    def filtered(self) -> Evaluate:
        """An expression with the filters after it. Raises ``UclError``."""
        value = self.expression()
        steps: list[tuple[Token, Step]] = []
        while (bar := self.accept("|")) is not None:
            steps.append((bar, self.filter()))
        return self._stepwise(value, steps)

    def filter(self) -> Step:
        """One filter with its arguments: ``name``, ``name(x, y)`` or ``name x``."""
        token = self.token
        run = FILTERS.get(self.name())
        if run is None:
            known = ", ".join(sorted(FILTERS))
            raise self.source.error(token.pos, f"unknown filter {token.text!r}", f"known: {known}")
        arguments = self._filter_arguments()
        return lambda scope, value: scope.call(run, [value, *(a(scope) for a in arguments)])

    def _filter_arguments(self) -> list[Evaluate]:
        if self.accept("("):
            return self._list(")")
        if self.token.kind == "end" or self.token.text in ("|", "if"):
            return []
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return found

    def expression(self) -> Evaluate:
        """An expression without filters. Raises ``UclError``."""
        self._enter()
        value = self._chain(0)
        self._depth -= 1
        return value

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self.fault(f"nested deeper than {_MAX_DEPTH} levels")

    def _chain(self, level: int) -> Evaluate:
        last = level + 1 == len(_LEVELS)
        first = self._unary() if last else self._chain(level + 1)
        rest: list[tuple[Token, Evaluate]] = []
        while (operator := self.accept(*_LEVELS[level])) is not None:
            operand = self._unary() if last else self._chain(level + 1)
            rest.append((operator, operand))
        if not rest:
            return first
        if level < 2:
            return _short_circuit(first, [operand for _, operand in rest], stop=level == 0)
        source = self.source

        def evaluate(scope: Scope) -> Value:
            value = first(scope)
            for operator, operand in rest:
                right = operand(scope)
                scope.budget.step(work(value, right))
                try:
                    value = BINARY[operator.text](value, right, scope.budget)
                except TemplateError as error:
                    raise source.error(operator.pos, f"in a template: {error}") from None
            return value

        return evaluate

    def _unary(self) -> Evaluate:
        operator = self.accept("not", "-", "#")
        if operator is None:
            return self._power()
        self._enter()
        operand = self._unary()
        self._depth -= 1

        def run(scope: Scope) -> Value:
            value = operand(scope)
            scope.budget.step(work(value))
            return UNARY[operator.text](value)

        return self._guarded(operator, run)

    def _power(self) -> Evaluate:
        base = self._postfix()
        operator = self.accept("^")
        if operator is None:
            return base
        self._enter()
        exponent = self._unary()  # binds to the right, and tighter than a minus on its left
        self._depth -= 1
        return self._guarded(
            operator, lambda scope: BINARY["^"](base(scope), exponent(scope), scope.budget)
        )

    def _guarded(self, token: Token, run: Evaluate) -> Evaluate:
        source = self.source

        def evaluate(scope: Scope) -> Value:
            scope.budget.step()
            try:
                return run(scope)
            except TemplateError as error:
                raise source.error(token.pos, f"in a template: {error}") from None

        return evaluate

    # -- operands -----------------------------------------------------------------------------

    def _postfix(self) -> Evaluate:
        first = self.token
        value = self._primary()
        if first.kind != "name" and first.text != "(":
            return value
        steps: list[tuple[Token, Step]] = []
        while True:
            here = self.token
            if self.accept("."):
                step = _index(_constant(self.name()))
            elif self.accept("["):
                step = _index(self.expression())
                self.expect("]")
            elif self.accept(":"):
                step = _method(self.name(), self._call_arguments())
            elif (here.kind == "op" and here.text in ("(", "{")) or here.kind == "string":
                step = _call(self._call_arguments())
            else:
                return self._stepwise(value, steps)
            steps.append((here, step))

    def _stepwise(self, first: Evaluate, steps: list[tuple[Token, Step]]) -> Evaluate:
        """What comes of a value taken through steps one after the other."""
        if not steps:
            return first
        source = self.source

        def evaluate(scope: Scope) -> Value:
            value = first(scope)
            for token, step in steps:
                scope.budget.step()
                try:
                    value = step(scope, value)
                except TemplateError as error:
                    raise source.error(token.pos, f"in a template: {error}") from None
            return value

        return evaluate

    def _call_arguments(self) -> list[Evaluate]:
        if self.token.kind == "string":
            self.at += 1
            return [_constant(self.tokens[self.at - 1].text)]
        if self.accept("{"):
            return [self._table()]
        self.expect("(")
        return self._list(")")

    def _list(self, closing: str) -> list[Evaluate]:
        found: list[Evaluate] = []
        if self.accept(closing):
            return found
        while True:
            found.append(self.expression())
            if self.accept(closing):
                return found
            self.expect(",")

    def _primary(self) -> Evaluate:
        token = self.token
        if token.kind in ("string", "number"):
            self.at += 1
            return _constant(token.text if token.kind == "string" else token.number)
        if self.accept("("):
            value = self.expression()
            self.expect(")")
            return value
        if self.accept("{"):
            self._enter()
            table = self._table()
            self._depth -= 1
            return table
        if token.kind == "name" and token.text in _CONSTANTS:
            self.at += 1
            return _constant(_CONSTANTS[token.text])
        if token.kind != "name" or token.text in _RESERVED:
            raise self.fault("an expression expected")
        name = self.name()
        return lambda scope: scope.get(name)

    def _table(self) -> Evaluate:
        """A table's fields, the opening brace being taken."""
        keyed: list[tuple[Evaluate | None, Evaluate]] = []
        while not self.accept("}"):
            following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
            key: Evaluate | None = None
            if self.accept("["):
                key = self.expression()
                self.expect("]")
                self.expect("=")
            elif self.token.kind == "name" and (following.kind, following.text) == ("op", "="):
                key = _constant(self.name())
                self.expect("=")
            keyed.append((key, self.expression()))
            if not self.accept(",", ";"):
                self.expect("}")
                break
        return self._guarded(self.token, lambda scope: _build_table(keyed, scope))


def _constant(value: Value) -> Evaluate:
    return lambda _: value


def _index(key: Evaluate) -> Step:
    return lambda scope, value: scope.index(value, key(scope))


def _method(name: str, arguments: list[Evaluate]) -> Step:
    return lambda scope, value: scope.call(
        scope.index(value, name), [value, *(argument(scope) for argument in arguments)]
    )


def _call(arguments: list[Evaluate]) -> Step:
    return lambda scope, value: scope.call(value, [argument(scope) for argument in arguments])


def _short_circuit(first: Evaluate, rest: list[Evaluate], *, stop: bool) -> Evaluate:
    """``or`` stops at the first true value, ``and`` at the first false one."""

    def evaluate(scope: Scope) -> Value:
        value = first(scope)
        for operand in rest:
            scope.budget.step()
            if truth(value) is stop:
                break
            value = operand(scope)
        return value

    return evaluate


def _build_table(keyed: list[tuple[Evaluate | None, Evaluate]], scope: Scope) -> Table:
    table = Table()
    place = 0
    for key, evaluate in keyed:
        scope.budget.step()
        value = evaluate(scope)
        if key is None:
            place += 1
            table.set(float(place), value)
        else:
            table.set(key(scope), value)
    return table
