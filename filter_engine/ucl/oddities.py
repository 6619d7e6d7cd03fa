"""Strings that are read as they stand, though their writer meant something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from filter_engine.ucl.near import closest

_VARIABLE = re.compile(r"\$\{([A-Za-z_]{3,40})\}|\$([A-Z_]{3,40})")
_NEXT_KEY = re.compile(r"([^\s=:]{1,80})[ \t]+([A-Za-z_]\w{2,60})[ \t]*=[ \t]*[^\s=]")
_CURLY = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_LIKENESS = 0.75


def missing_separator(text: str) -> str:
    """The key that follows a value on the same line without a ``;``, empty when none does."""
    found = _NEXT_KEY.match(text)
    return found[2] if found else ""


def oddity(text: str, variables: Iterable[str], *, quoted: bool) -> tuple[str, str] | None:
    """What is odd about a string and what to write instead; ``variables`` are those that exist."""
    if "$" in text:
        for found in _VARIABLE.finditer(text):
            name = found[1] or found[2]
            close = closest(name, variables, cutoff=_LIKENESS)
            if close and close[0] != name:
                return f"${name} is no variable and stays as it is", f"did you mean ${close[0]}?"
    if quoted:
        return None
    if text[0] in _CURLY or text[-1] in _CURLY:
        return "typographic quotes are part of the value", 'write "straight" quotes'
    key = missing_separator(text) if "=" in text else ""
    return (f"{key!r} is part of the value before it", f"put a ; before {key}") if key else None
