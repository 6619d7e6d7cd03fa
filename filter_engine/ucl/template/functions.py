"""The functions templates may call: Lua's that neither read nor change the world, and Lupa's tests.

Left out: ``os.*`` (the same file must read the same), ``select``, ``cycler``, and patterns in
``string.*``: only texts without Lua's magic characters can be looked for.
Source: the Lua 5.1 reference manual, chapter 5; Rspamd's lua_util documentation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from filter_engine.ucl.limits import Budget
from filter_engine.ucl.template.values import (
    Function,
    Iteration,
    Table,
    TemplateError,
    Value,
    cooked,
    equal,
    number_of,
    parse_number,
    raw,
    text_of,
    type_name,
)

_MAGIC = re.compile(r"[\^$()%.\[\]*+\-?]")
_FORMAT = re.compile(r"%([-+ #0]{0,5}[0-9]{0,2}(?:\.[0-9]{1,2})?)([a-zA-Z%])")
_UPPER = {ord(c): ord(c) - 32 for c in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {upper: lower for lower, upper in _UPPER.items()}


def text(value: Value) -> str:
    """A string argument; numbers are taken as text. Raises ``TemplateError``."""
    if isinstance(value, str | float):
        return text_of(value)
    raise TemplateError(f"a string expected, not a {type_name(value)} value")


def table(value: Value) -> Table:
    """A table argument. Raises ``TemplateError``."""
    if isinstance(value, Table):
        return value
    raise TemplateError(f"a table expected, not a {type_name(value)} value")


def whole(value: Value) -> int:
    """An argument that is a whole number. Raises ``TemplateError``."""
    number = number_of(value, "a number expected, not")
    if not math.isfinite(number):
        raise TemplateError("a finite number expected")
    return int(number)


def upper(budget: Budget, value: Value) -> str:
    """ASCII letters in upper case."""
    return _copied(budget, value).translate(_UPPER)


def lower(budget: Budget, value: Value) -> str:
    """ASCII letters in lower case."""
    return _copied(budget, value).translate(_LOWER)


def _copied(budget: Budget, value: Value) -> str:
    """A string argument of which a copy is about to be made."""
    found = text(value)
    budget.grow(len(found))
    return found


def repeat(budget: Budget, value: Value, times: Value) -> str:
    """A text so many times. Raises ``UclError`` when it grows too long."""
    piece, count = text(value), max(0, whole(times))
    budget.grow(len(piece) * count)
    return piece * count


def reverse(budget: Budget, value: Value) -> Value:
    """A string backwards, byte by byte."""
    return cooked(raw(_copied(budget, value))[::-1])


def substring(budget: Budget, value: Value, first: Value, last: Value = -1.0) -> str:
    """Bytes ``first`` to ``last``, counted from 1, or from the end when negative."""
    content = raw(_copied(budget, value))
    begin, end = whole(first), whole(last)
    begin = max(1, begin if begin >= 0 else len(content) + begin + 1)
    end = end if end >= 0 else len(content) + end + 1
    return cooked(content[begin - 1 : max(0, end)])


def plain(pattern: Value) -> str:
    """A pattern that stands for itself. Raises ``TemplateError``."""
    found = text(pattern)
    if _MAGIC.search(found) is not None:
        raise TemplateError(f"Lua patterns are not supported: {found[:40]!r}")
    return found


def find(_: Budget, value: Value, pattern: Value, start: Value = 1.0, raw_: Value = None) -> Value:
    """The position of a text in another, counted from 1, or nil."""
    content = raw(text(value))
    wanted = raw(text(pattern) if raw_ is True else plain(pattern))
    begin = whole(start)
    at = content.find(wanted, max(0, begin - 1 if begin > 0 else len(content) + begin))
    return None if at < 0 else float(at + 1)


def match(_: Budget, value: Value, pattern: Value) -> str | None:
    """The text looked for if it is there, else nil."""
    wanted = plain(pattern)
    return wanted if wanted in text(value) else None


def replace(budget: Budget, value: Value, pattern: Value, new: Value, limit: Value = None) -> str:
    """Every occurrence of a text replaced, or the first ``limit``."""
    content, wanted, instead = text(value), plain(pattern), text(new)
    if "%" in instead:
        raise TemplateError("% in a replacement is not supported")
    count = -1 if limit is None else max(0, whole(limit))
    occurrences = content.count(wanted)
    if count >= 0:
        occurrences = min(count, occurrences)
    budget.grow(len(content) + occurrences * len(instead))
    return content.replace(wanted, instead, count)


def format_text(budget: Budget, pattern: Value, *arguments: Value) -> str:
    """``string.format``: %s, %d, %i, %x, %X, %o, %c, %e, %f, %g, %q and %%."""
    left = list(arguments)

    def one(found: re.Match[str]) -> str:
        flags, kind = found[1], found[2]
        if kind == "%":
            return "%"
        if not left:
            raise TemplateError("too few values for the format")
        value = left.pop(0)
        if kind in "sq":
            shown = text_of(value)
            budget.grow(len(shown))
            return f'"{shown}"' if kind == "q" else f"%{flags}s" % shown
        if kind == "c":
            return chr(whole(value) & 0x7F)
        if kind in "dixXo":
            return f"%{flags}{kind}" % whole(value)
        if kind in "eEfgG":
            return f"%{flags}{kind}" % number_of(value, "a number expected, not")
        raise TemplateError(f"%{kind} is no format")

    done = _FORMAT.sub(one, text(pattern))
    budget.grow(len(done))
    return done


def range_(budget: Budget, start: Value, stop: Value = None, step: Value = 1.0) -> Table:
    """``range(stop)`` from 1, or ``range(start, stop, step)``, both ends included."""
    if stop is None:
        start, stop = 1.0, start
    first, last, by = (number_of(value, "a range of") for value in (start, stop, step))
    if not (math.isfinite(first) and math.isfinite(last) and math.isfinite(by)) or by == 0:
        raise TemplateError("a range without end")
    count = max(0, math.floor((last - first) / by) + 1)
    budget.step(count)
    return Table.sequence([first + number * by for number in range(count)])


def pairs(budget: Budget, value: Value) -> Iteration:
    """Every key with its value."""
    steps = tuple(table(value).pairs())
    budget.step(len(steps))
    return Iteration(steps)


def ipairs(budget: Budget, value: Value) -> Iteration:
    """1, 2, 3 and so on, each with its value."""
    steps = tuple((float(n), item) for n, item in enumerate(table(value).items(), 1))
    budget.step(len(steps))
    return Iteration(steps)


def concat(budget: Budget, value: Value, separator: Value = "") -> str:
    """``table.concat``: the items in one string."""
    items = table(value).items()
    budget.step(len(items))
    pieces = [text(item) for item in items]
    budget.grow(sum(map(len, pieces)) + len(text(separator)) * len(pieces))
    return text(separator).join(pieces)


def to_number(_: Budget, value: Value, base: Value = 10.0) -> float | None:
    """A number, or nil for what spells none."""
    if isinstance(value, float):
        return value
    if not isinstance(value, str):
        return None
    radix = whole(base)
    if radix == 10:
        return parse_number(value)
    if not 2 <= radix <= 36:
        raise TemplateError("a base from 2 to 36 expected")
    try:
        return float(int(value, radix)) if len(value) <= 64 else None
    except ValueError:
        return None


def _math(run: Callable[..., float]) -> Function:
    def call(_: Budget, *numbers: Value) -> float:
        return float(run(*(number_of(value, "a number expected, not") for value in numbers)))

    return call


def _is(*names: str) -> Function:
    return lambda _, value=None: type_name(value) in names


STRING: Mapping[Value, Function] = {
    "upper": upper,
    "lower": lower,
    "len": lambda _, value: float(len(raw(text(value)))),
    "rep": repeat,
    "reverse": reverse,
    "sub": substring,
    "find": find,
    "match": match,
    "gsub": replace,
    "format": format_text,
}
"""The functions of ``string``, which are every string's methods too."""

_MATH: Mapping[Value, Value] = {
    "abs": _math(abs),
    "ceil": _math(math.ceil),
    "floor": _math(math.floor),
    "max": _math(lambda first, *rest: max((first, *rest))),
    "min": _math(lambda first, *rest: min((first, *rest))),
    "sqrt": _math(math.sqrt),
    "huge": math.inf,
    "pi": math.pi,
}

GLOBALS: Mapping[str, Value] = {
    "ipairs": ipairs,
    "pairs": pairs,
    "range": range_,
    "tonumber": to_number,
    "tostring": lambda _, value=None: text_of(value),
    "type": lambda _, value=None: type_name(value),
    "math": Table(_MATH),
    "string": Table(STRING),
    "table": Table({"concat": concat}),
    "is_defined": lambda _, value=None: value is not None,
    "is_undefined": _is("nil"),
    "is_nil": _is("nil"),
    "is_none": _is("nil"),
    "is_string": _is("string"),
    "is_number": _is("number"),
    "is_table": _is("table"),
    "is_mapping": _is("table"),
    "is_sequence": lambda _, value=None: isinstance(value, Table) and len(value) > 0,
    "is_odd": lambda _, value: number_of(value, "a number expected, not") % 2 == 1,
    "is_even": lambda _, value: number_of(value, "a number expected, not") % 2 == 0,
    "is_divisibleby": lambda _, value, by: (
        math.fmod(number_of(value, "a number expected, not"), number_of(by, "division by")) == 0
    ),
    "is_lower": lambda budget, value: equal(lower(budget, value), text(value)),
    "is_upper": lambda budget, value: equal(upper(budget, value), text(value)),
}
"""What every template sees besides ``env`` and ``paths``."""
