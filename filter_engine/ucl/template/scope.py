"""The variables an expression sees, and how it reaches into tables and calls functions."""

from __future__ import annotations

from filter_engine.ucl.limits import Budget
from filter_engine.ucl.template.functions import GLOBALS, STRING
from filter_engine.ucl.template.values import Table, TemplateError, Value, type_name, work


class Scope:
    """Variables over those of an outer scope; the outermost one stands over Lua's globals."""

    __slots__ = ("budget", "outer", "values")

    def __init__(self, budget: Budget, outer: Scope | None = None) -> None:
        self.budget = budget
        self.outer = outer
        self.values: dict[str, Value] = {}

    def get(self, name: str) -> Value:
        """A variable's value, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return GLOBALS.get(name)

    def index(self, base: Value, key: Value) -> Value:
        """``base[key]``; of a string, its methods. Raises ``TemplateError``."""
        if isinstance(base, Table):
            return None if key is None else base.get(key)
        if isinstance(base, str):
            return STRING.get(key)
        raise TemplateError(f"{key!r} is looked up in a {type_name(base)} value")

    def call(self, function: Value, arguments: list[Value]) -> Value:
        """Call a function. Raises ``TemplateError``, also for wrong arguments."""
        if not callable(function):
            raise TemplateError(f"a {type_name(function)} value is called")
        self.budget.step(work(*arguments))
        try:
            return function(self.budget, *arguments)
        except (TypeError, ValueError, OverflowError, AttributeError, KeyError):
            raise TemplateError("wrong arguments of a function or filter") from None
