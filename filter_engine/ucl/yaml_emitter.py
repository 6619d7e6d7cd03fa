"""Writing a tree out as YAML.

The layout is that of libucl's ``UCL_EMIT_YAML``: block style, strings in double quotes, a key with
several values as a list. Every scalar is spelt so that YAML 1.1 and 1.2 read it alike.
Source: YAML 1.2.2, sections 5.7 (escapes), 8.2 (block collections), 10.3 (core schema).
"""

from __future__ import annotations

import math
import re

from filter_engine.ucl.nodes import UclArray, UclNode, UclObject, UclScalar

_INDENT = "    "
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: Words that some version of YAML reads as something else than a string.
_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "y", "n", "null"])
#: Longer keys need the form ``? key``: YAML allows an implicit key 1024 characters.
_MAX_PLAIN_KEY = 1000
_ESCAPED = re.compile(
    '["\\\\\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff]'
)
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r", '"': r"\"", "\\": r"\\"}


def emit_yaml(node: UclNode) -> str:
    """A tree as a YAML document, with a newline at the end."""
    lines: list[str] = []
    if isinstance(node, UclScalar):
        return f"{_scalar(node)}\n"
    if not len(node):
        return f"{_empty(node)}\n"
    _container(node, 0, lines)
    return "".join(lines)


def _container(node: UclObject | UclArray, level: int, out: list[str]) -> None:
    indent = _INDENT * level
    if isinstance(node, UclArray):
        _items(node.items, level, out)
        return
    for key, values in node.entries.items():
        name = _key(key)
        out.append(
            f"{indent}{name}:" if len(name) <= _MAX_PLAIN_KEY else f"{indent}? {name}\n{indent}:"
        )
        if len(values) == 1:
            _value(values[0], level, out)
        else:
            out.append("\n")
            _items(values, level + 1, out)


def _items(items: list[UclNode], level: int, out: list[str]) -> None:
    for item in items:
        out.append(f"{_INDENT * level}-")
        _value(item, level, out)


def _value(node: UclNode, level: int, out: list[str]) -> None:
    """What follows ``key:`` or ``-``."""
    if isinstance(node, UclScalar):
        out.append(f" {_scalar(node)}\n")
    elif not len(node):
        out.append(f" {_empty(node)}\n")
    else:
        out.append("\n")
        _container(node, level + 1, out)


def _empty(node: UclObject | UclArray) -> str:
    return "[]" if isinstance(node, UclArray) else "{}"


def _key(key: str) -> str:
    if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS:
        return key
    return _quoted(key)


def _scalar(node: UclScalar) -> str:
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _float(value) if isinstance(value, float) else _quoted(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes 1e+20 for a string.
    return text if "." in text else text.replace("e", ".0e")


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return _SHORT.get(char) or f"\\u{ord(char):04X}"
