"""Writing a tree out: as UCL, as JSON, as compact JSON.

The layout of the UCL form is libucl's. What is written parses to the same values; where libucl's
own form would lose something (control characters, digits of a float) this one keeps it.
"""

from __future__ import annotations

import json
import math
import re

from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar
from filter_engine.ucl.reader import KEY

_LONG = 80
_ESCAPED = {
    "\n": r"\n",
    "\r": r"\r",
    "\b": r"\b",
    "\t": r"\t",
    "\f": r"\f",
    "\\": r"\\",
    '"': r"\"",
}
#: Opens a template tag: as a value it must not be one when the text is read again.
_TAG = re.compile(r"\{(?=[=%#])")
_UNSAFE = re.compile(rf'[\x00-\x1f"\\\x7f]|{_TAG.pattern}')
_ENDS_HEREDOC = re.compile(r"(?:\A|\n)EOD(?:[\n;,]|\Z)")
_NO_SINGLE = re.compile(r"\\(?:['\n\r]|\Z)|\x00")


def emit(node: UclObject) -> str:
    """The content of a section as UCL, with a newline after each value."""
    lines: list[str] = []
    _emit_entries(node, 0, lines)
    return "".join(lines)


def emit_json(node: UclNode, *, compact: bool = False) -> str:
    """A tree as JSON; keys with several values become arrays, numbers without a value null."""
    if compact:
        return json.dumps(_jsonable(node), ensure_ascii=False, separators=(",", ":"))
    return json.dumps(_jsonable(node), ensure_ascii=False, indent=4)


def _jsonable(node: UclNode) -> object:
    if isinstance(node, UclScalar):
        if isinstance(node.value, float) and not math.isfinite(node.value):
            return None
        return node.value
    if isinstance(node, UclArray):
        return [_jsonable(item) for item in node.items]
    return {
        key: _jsonable(found[0]) if len(found) == 1 else [_jsonable(item) for item in found]
        for key, found in node.entries.items()
    }


def _emit_entries(node: UclObject, level: int, out: list[str]) -> None:
    indent = "    " * level
    for key, values in node.entries.items():
        name = key if KEY.fullmatch(key) else _double_quoted(key)
        for value in values:
            if isinstance(value, UclScalar):
                out.append(f"{indent}{name} = {_scalar(value)};\n")
            else:
                out.append(f"{indent}{name} ")
                _emit_container(value, level, out)


def _emit_container(node: UclObject | UclArray, level: int, out: list[str]) -> None:
    indent = "    " * level
    if isinstance(node, UclObject):
        out.append("{\n")
        _emit_entries(node, level + 1, out)
        out.append(f"{indent}}}\n")
        return
    out.append("[\n")
    for item in node.items:
        if isinstance(item, UclScalar):
            out.append(f"{indent}    {_scalar(item)},\n")
        else:
            out.append(f"{indent}    ")
            _emit_container(item, level + 1, out)
    out.append(f"{indent}]\n")


def _scalar(node: UclScalar) -> str:
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if "\n" in value and (node.style == "<<" or len(value) > _LONG):
        if not (_ENDS_HEREDOC.search(value) or "\0" in value or _TAG.search(value)):
            return f"<<EOD\n{value}\nEOD"
    elif node.style == "'" and not (_NO_SINGLE.search(value) or _TAG.search(value)):
        return "'" + value.replace("'", r"\'") + "'"
    return _double_quoted(value)


def _double_quoted(text: str) -> str:
    return '"' + _UNSAFE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[0]) or f"\\u{ord(match[0]):04X}"


def _float(value: float) -> str:
    """libucl's form of a float where that is exact, else the shortest exact one."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 1 << 31 and value.is_integer():
        text = f"{value:.1f}"
    elif abs(value) < 1 << 31 and abs(value - int(value)) < 1e-7:
        text = f"{value:.15g}"
    else:
        text = f"{value:f}"
    return text if len(text) < 40 and float(text) == value else repr(value)
