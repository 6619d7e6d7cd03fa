"""``if`` and ``ifplugin`` of rule files."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Final

VERSION: Final = 4.0
"""The version of SpamAssassin whose language is read."""
PLUGINS: Final = frozenset(
    f"Mail::SpamAssassin::Plugin::{name}"
    for name in ("FreeMail", "WLBLEval", "HeaderEval", "ReplaceTags", "MIMEHeader")
)
"""The plugins whose rules are read, as far as their functions are served."""
_PLUGIN: Final = re.compile(r"(!?)\s*plugin\s*\(\s*([\w:]+)\s*\)\Z")
_VERSION: Final = re.compile(r"\(?\s*version\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?)\s*\)?\Z")
_CAN: Final = re.compile(r"(!?)\s*can\s*\(\s*[\w:]+\s*\)\Z")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def plugin_is_read(name: str) -> bool:
    """Whether the rules of a plugin are read."""
    return name in PLUGINS


def holds(condition: str) -> bool | None:
    """Whether the condition of an ``if`` holds; None when it cannot be read."""
    text = condition.strip()
    while text.startswith("(") and text.endswith(")") and _whole(text):
        text = text[1:-1].strip()
    for separator, combine in (("||", any), ("&&", all)):
        if separator in text:
            parts = [holds(part) for part in text.split(separator)]
            return None if None in parts else combine(bool(part) for part in parts)
    if match := _PLUGIN.match(text):
        return plugin_is_read(match[2]) != bool(match[1])
    if match := _CAN.match(text):
        return bool(match[1])
    if match := _VERSION.match(text):
        return _COMPARE[match[1]](VERSION, float(match[2]))
    return None


def _whole(text: str) -> bool:
    """Whether the first parenthesis is closed by the last one."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return at == len(text) - 1
    return False
