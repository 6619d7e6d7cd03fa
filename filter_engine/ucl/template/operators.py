"""Lua's operators: arithmetic on floats, joining, comparison.

Source: the Lua 5.1 reference manual, section 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from filter_engine.ucl.limits import Budget
from filter_engine.ucl.template.values import (
    Table,
    TemplateError,
    Value,
    equal,
    less,
    number_of,
    raw,
    text_of,
    truth,
    type_name,
)


def _arithmetic(run: Callable[[float, float], float]) -> Callable[[Value, Value, Budget], float]:
    def operate(left: Value, right: Value, _: Budget) -> float:
        first = number_of(left, "arithmetic on")
        return run(first, number_of(right, "arithmetic on"))

    return operate


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _modulo(left: float, right: float) -> float:
    return left - math.floor(left / right) * right if right and math.isfinite(left) else math.nan


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def join(left: Value, right: Value, budget: Budget) -> str:
    """Lua's ``..``. Raises ``TemplateError``."""
    for value in (left, right):
        if not isinstance(value, str | float):
            raise TemplateError(f"cannot join a {type_name(value)} value")
    first, second = text_of(left), text_of(right)
    budget.grow(len(first) + len(second))
    return first + second


def length(value: Value) -> float:
    """Lua's ``#``: bytes of a string, items of a table. Raises ``TemplateError``."""
    if isinstance(value, str):
        return float(len(raw(value)))
    if isinstance(value, Table):
        return float(len(value))
    raise TemplateError(f"a {type_name(value)} value has no length")


BINARY: Mapping[str, Callable[[Value, Value, Budget], Value]] = {
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(_divide),
    "%": _arithmetic(_modulo),
    "^": _arithmetic(_power),
    "..": join,
    "==": lambda left, right, _: equal(left, right),
    "~=": lambda left, right, _: not equal(left, right),
    "<": lambda left, right, _: less(left, right),
    ">": lambda left, right, _: less(right, left),
    "<=": lambda left, right, _: less(left, right) or equal(left, right),
    ">=": lambda left, right, _: less(right, left) or equal(left, right),
}

UNARY: Mapping[str, Callable[[Value], Value]] = {
    "not": lambda value: not truth(value),
    "-": lambda value: -number_of(value, "arithmetic on"),
    "#": length,
}
