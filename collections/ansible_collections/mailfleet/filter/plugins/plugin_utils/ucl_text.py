"""Writes Python data as text of the Universal Configuration Language (libucl's README)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence

INDENT = "    "
MAX_DEPTH = 64

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
# libucl's suffixes: multipliers of sizes, and durations in seconds.
_SUFFIXED = re.compile(r"-?[0-9]+(\.[0-9]+)?([kmg]b?|ms|s|min|h|d|w|y)\Z", re.IGNORECASE)
_UNSAFE_IN_HEREDOC = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TERMINATOR = "EOD"


class UclError(ValueError):
    """The data has no UCL form; the message names the place in the data."""


def to_ucl(data: object, *, suffixes: bool = True) -> str:
    """Return a mapping as the content of a UCL section, one line a value, with a final newline.

    With `suffixes`, strings like `10s` or `20m` stay bare, so that they are read as durations and
    sizes; all other strings are quoted. Raises `UclError` for anything UCL has no form for.
    """
    if not isinstance(data, Mapping):
        raise UclError(f"the top level is {_kind(data)}, not a mapping")
    return "".join(_section(data, "", "", 0, suffixes))


def _section(
    data: Mapping[object, object], place: str, indent: str, depth: int, suffixes: bool
) -> list[str]:
    if depth > MAX_DEPTH:
        raise UclError(f"{place}: nested more than {MAX_DEPTH} levels")
    lines: list[str] = []
    for key, value in data.items():
        if not isinstance(key, str):
            raise UclError(f"{place or 'top level'}: key {key!r} is not a text: quote it")
        where = f"{place}.{key}" if place else key
        name = key if _PLAIN_KEY.match(key) else _quoted(key)
        if isinstance(value, Mapping):
            lines.append(f"{indent}{name} {{\n")
            lines += _section(value, where, indent + INDENT, depth + 1, suffixes)
            lines.append(f"{indent}}}\n")
        elif isinstance(value, str) and _fits_heredoc(value):
            lines.append(f"{indent}{name} = <<{_TERMINATOR}\n{value}\n{_TERMINATOR};\n")
        else:
            text = _value(value, where, indent, depth, suffixes)
            lines.append(f"{indent}{name} = {text};\n")
    return lines


def _value(value: object, place: str, indent: str, depth: int, suffixes: bool) -> str:
    if depth > MAX_DEPTH:
        raise UclError(f"{place}: nested more than {MAX_DEPTH} levels")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UclError(f"{place}: {value} is not a finite number")
        return repr(float(value))
    if isinstance(value, str):
        return value if suffixes and _SUFFIXED.match(value) else _quoted(value)
    inner = indent + INDENT
    if isinstance(value, Mapping):
        body = "".join(_section(value, place, inner, depth + 1, suffixes))
        return f"{{\n{body}{indent}}}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        if not value:
            return "[]"
        rows = (
            f"{inner}{_value(one, f'{place}[{number}]', inner, depth + 1, suffixes)},\n"
            for number, one in enumerate(value)
        )
        return f"[\n{''.join(rows)}{indent}]"
    raise UclError(f"{place}: {_kind(value)} has no form in UCL")


def _fits_heredoc(value: str) -> bool:
    ends_early = any(line.startswith(_TERMINATOR) for line in value.split("\n"))
    return "\n" in value and not ends_early and not _UNSAFE_IN_HEREDOC.search(value)


def _quoted(value: str) -> str:
    if "\0" in value:
        raise UclError("a text with a NUL octet has no form in UCL")
    # UCL's escapes in double quotes are JSON's.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
