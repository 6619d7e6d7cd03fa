"""Running a template: nodes and variables in, text and the origin of each piece of it out."""

from __future__ import annotations

from collections.abc import Mapping

from filter_engine.ucl.limits import Budget, BudgetError
from filter_engine.ucl.source import PositionMap, Source
from filter_engine.ucl.template.blocks import (
    Filter,
    For,
    If,
    Node,
    Print,
    Set,
    Text,
    parse_template,
)
from filter_engine.ucl.template.render import Rendered
from filter_engine.ucl.template.scope import Scope
from filter_engine.ucl.template.values import (
    Iteration,
    Table,
    TemplateError,
    Value,
    text_of,
    truth,
    type_name,
)


def expand(source: Source, tables: Mapping[str, Mapping[str, str]], budget: Budget) -> Rendered:
    """Expand the template ``source``; ``tables`` are variables that hold strings by name.

    Raises ``UclError``.
    """
    scope = Scope(budget)
    for name, entries in tables.items():
        scope.values[name] = Table(entries)
    output = _Output()
    _Run(source, budget).nodes(parse_template(source), scope, output)
    positions = PositionMap(source.text)
    length = 0
    for piece, start, literal in output.pieces:
        positions.add(length, start, literal=literal)
        length += len(piece)
    return Rendered("".join(piece for piece, _, _ in output.pieces), positions)


class _Output:
    """Pieces of the result: their text, where they come from, and whether they stand there."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, int, bool]] = []

    def text(self) -> str:
        return "".join(piece for piece, _, _ in self.pieces)


class _Run:
    def __init__(self, source: Source, budget: Budget) -> None:
        self.source = source
        self.budget = budget

    def nodes(self, nodes: list[Node], scope: Scope, output: _Output) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self._put(self.source.text[node.start : node.end], node.start, output, literal=True)
                continue
            try:
                self.budget.step()
                self._node(node, scope, output)
            except (TemplateError, BudgetError) as error:
                raise self.source.error(node.pos, f"in a template: {error}") from None

    def _put(self, piece: str, pos: int, output: _Output, *, literal: bool) -> None:
        try:
            self.budget.step()
            self.budget.grow(len(piece))
        except BudgetError as error:
            raise self.source.error(pos, f"in a template: {error}") from None
        output.pieces.append((piece, pos, literal))

    def _node(self, node: Print | Set | If | For | Filter, scope: Scope, output: _Output) -> None:
        if isinstance(node, Print):
            self._put(_shown(node.value(scope)), node.pos, output, literal=False)
        elif isinstance(node, Set):
            scope.values[node.name] = node.value(scope)
        elif isinstance(node, If):
            for condition, body in node.branches:
                if truth(condition(scope)):
                    self.nodes(body, scope, output)
                    return
            self.nodes(node.otherwise, scope, output)
        elif isinstance(node, For):
            self._for(node, scope, output)
        else:
            inner = _Output()
            self.nodes(node.body, scope, inner)
            value: Value = inner.text()
            for _, step in node.steps:
                value = step(scope, value)
            self._put(_shown(value), node.pos, output, literal=False)

    def _for(self, node: For, outer: Scope, output: _Output) -> None:
        steps = _steps(node.values(outer), node.names)
        scope = Scope(self.budget, outer)
        done = 0
        for values in steps:
            self.budget.step()
            for number, name in enumerate(node.names):
                scope.values[name] = values[number] if number < len(values) else None
            if node.condition is not None and not truth(node.condition(scope)):
                continue
            scope.values["loop"] = _loop(done, len(steps))
            self.nodes(node.body, scope, output)
            done += 1
        if not done:
            self.nodes(node.otherwise, outer, output)


def _steps(value: Value, names: list[str]) -> tuple[tuple[Value, ...], ...]:
    """The values each step of a loop gives to its names."""
    if value is None:
        return ()
    if isinstance(value, Iteration):
        return value.steps
    if not isinstance(value, Table):
        raise TemplateError(f"a loop over a {type_name(value)} value")
    items = value.items()
    if len(names) > 1:  # {% for a, b in {{1, 2}, {3, 4}} %}
        return tuple(tuple(item.items()) if isinstance(item, Table) else (item,) for item in items)
    return tuple((item,) for item in items)


def _loop(done: int, length: int) -> Table:
    return Table(
        {
            "index": float(done + 1),
            "index0": float(done),
            "revindex": float(length - done),
            "revindex0": float(length - done - 1),
            "first": done == 0,
            "last": done + 1 == length,
            "length": float(length),
        }
    )


def _shown(value: Value) -> str:
    """A value in the text; nil is nothing."""
    if value is None:
        return ""
    if isinstance(value, str | bool | float):
        return text_of(value)
    raise TemplateError(f"a {type_name(value)} value has no text")
