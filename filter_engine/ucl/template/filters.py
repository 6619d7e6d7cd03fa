"""Filters: ``value | name(arguments)``.

Source: the filters of Jinja that Rspamd's templates know, as far as they are of use to a
configuration; those for HTML, ``random`` and ``pbkdf`` are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from filter_engine.ucl.limits import Budget
from filter_engine.ucl.template import functions
from filter_engine.ucl.template.functions import table, text, whole
from filter_engine.ucl.template.operators import length
from filter_engine.ucl.template.values import (
    Function,
    Table,
    TemplateError,
    Value,
    number_of,
    raw,
    text_of,
    truth,
    type_name,
)


def _default(_: Budget, value: Value, other: Value = None, also_false: Value = None) -> Value:
    if value is None or (truth(also_false) and value is False):
        return other
    return value


def _capitalize(budget: Budget, value: Value) -> str:
    word = text(value)
    return functions.upper(budget, word[:1]) + functions.lower(budget, word[1:])


def _title(budget: Budget, value: Value) -> str:
    content = text(value)
    budget.step(content.count(" ") + 1)
    words = content.split(" ")
    return " ".join(_capitalize(budget, word) for word in words)


def _join(budget: Budget, value: Value, separator: Value = "") -> str:
    items = table(value).items()
    budget.step(len(items))
    pieces = [text_of(item) for item in items]
    budget.grow(sum(map(len, pieces)) + len(text(separator)) * len(pieces))
    return text(separator).join(pieces)


def _first(_: Budget, value: Value) -> Value:
    return table(value).get(1.0)


def _last(budget: Budget, value: Value) -> Value:
    items = table(value).items()
    budget.step(len(items))
    return items[-1] if items else None


def _int(_: Budget, value: Value) -> float:
    number = functions.to_number(_, value) or 0.0
    return float(math.floor(number)) if math.isfinite(number) else number


def _float(_: Budget, value: Value) -> float:
    return functions.to_number(_, value) or 0.0


def _round(_: Budget, value: Value, precision: Value = 0.0, method: Value = None) -> float:
    """As Rspamd does: without a method the value's own fraction decides, whatever the precision."""
    number = number_of(value, "rounding")
    scale = 10.0 ** max(-300, min(300, whole(precision)))
    scaled = number * scale
    if not math.isfinite(scaled):
        return number
    up = method == "ceil" if method is not None else math.fmod(number, 1.0) >= 0.5
    digits = max(0, min(99, whole(precision)))
    rounded = (math.ceil if up else math.floor)(scaled) / scale
    return float(f"{rounded:.{digits}f}")


def _reverse(budget: Budget, value: Value) -> Value:
    if isinstance(value, Table):
        items = value.items()
        budget.step(len(items))
        return Table.sequence(items[::-1])
    return functions.reverse(budget, value)


def _sort_key(budget: Budget, value: Value) -> tuple[bool, float, bytes]:
    if isinstance(value, float):
        return False, value, b""
    if isinstance(value, str):
        budget.grow(2 * len(value))
        return True, 0.0, raw(value.lower())
    raise TemplateError(f"cannot sort a {type_name(value)} value")


def _sort(budget: Budget, value: Value, backwards: Value = None) -> Table:
    items = table(value).items()
    budget.step(len(items))
    return Table.sequence(sorted(items, key=partial(_sort_key, budget), reverse=truth(backwards)))


def _dictsort(budget: Budget, value: Value) -> Table:
    found = list(table(value).pairs())
    budget.step(len(found))
    found.sort(key=lambda pair: _sort_key(budget, pair[0]))
    return Table.sequence([Table.sequence(list(pair)) for pair in found])


def _sum(budget: Budget, value: Value) -> float:
    items = table(value).items()
    budget.step(len(items))
    return sum((number_of(item, "adding") for item in items), 0.0)


def _string(budget: Budget, value: Value, *, depth: int = 0) -> str:
    if not isinstance(value, Table):
        return text_of(value)
    if depth > 20:
        raise TemplateError("tables nested too deep")
    items = value.items()
    budget.step(len(items))
    budget.grow(sum(len(item) for item in items if isinstance(item, str)))
    pieces = [
        f'"{item}"' if isinstance(item, str) else _string(budget, item, depth=depth + 1)
        for item in items
    ]
    budget.grow(sum(map(len, pieces)))
    return "{" + ", ".join(pieces) + "}"


def _wordcount(budget: Budget, value: Value) -> float:
    content = text(value)
    budget.step(len(content) // 2)  # so many words are possible
    return float(len(content.split()))


def _indent(budget: Budget, value: Value, width: Value = 4.0, first: Value = None) -> str:
    content, columns = text(value), max(0, whole(width))
    budget.grow(len(content) + columns * (content.count("\n") + 1))
    blanks = " " * columns
    return (blanks if truth(first) else "") + content.replace("\n", f"\n{blanks}")


FILTERS: Mapping[str, Function] = {
    "abs": lambda _, value: abs(number_of(value, "a number expected, not")),
    "capitalize": _capitalize,
    "default": _default,
    "dictsort": _dictsort,
    "first": _first,
    "float": _float,
    "format": functions.format_text,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "last": _last,
    "length": lambda _, value: length(value),
    "lower": functions.lower,
    "replace": functions.replace,
    "reverse": _reverse,
    "round": _round,
    "safe": lambda _, value: value,
    "sort": _sort,
    "string": _string,
    "sum": _sum,
    "title": _title,
    "upper": functions.upper,
    "wordcount": _wordcount,
}
"""Filters by name."""
