"""Folding of header values (RFC 5322, section 2.2.3) with ``\\n\\t``, as a milter takes it."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 76
"""Columns of a line that is folded at blanks (RFC 5322, section 2.1.1, recommends 78)."""
LINE = 900
"""Characters of a line that is folded after commas: with its octets below the limit of 998."""

_FOLD = "\n\t"


def fold_results(results: Sequence[str], stop_chars: str = ";") -> str:
    """Join results with ``;``. With ``;`` among ``stop_chars`` each gets a line of its own, else
    lines are filled up to ``WIDTH``."""
    if ";" in stop_chars:
        return f";{_FOLD}".join(results)
    return fold_width("", "; ".join(results))


def fold_width(name: str, value: str, width: int = WIDTH) -> str:
    """Fold at blanks, so that lines stay below ``width`` if they can; ``name`` leads the first."""
    lines: list[str] = []
    used = len(name) + 2
    line = ""
    for word in value.split(" "):
        if line and used + len(line) + 1 + len(word) > width:
            lines.append(line)
            line, used = word, 8
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return _FOLD.join(lines)


def one_line(text: str) -> str:
    """The text without anything that could end or hide a line: ``?`` for what does not print."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
