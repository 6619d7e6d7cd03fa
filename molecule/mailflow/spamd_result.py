"""Reading X-Spamd-Result back: the score, the threshold and the symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HEAD = re.compile(r"default:\s*(True|False)\s*\[(-?[\d.]+)\s*/\s*(-?[\d.]+|nan)\]")
_SYMBOL = re.compile(r"([A-Z][A-Z0-9_]*)\((-?[\d.]+)\)\[([^\]]*)\]")


@dataclass(frozen=True)
class SpamdResult:
    """One X-Spamd-Result header."""

    rejected: bool
    score: float
    required: float
    symbols: Mapping[str, float]
    options: Mapping[str, str]

    @property
    def leading(self) -> list[str]:
        """Symbols that weigh something, the weightiest first."""
        return [name for name, score in self.symbols.items() if score]


def parse(value: str) -> SpamdResult:
    """Parse the header's value, folded or not. Raises ValueError when it is something else."""
    head, *items = re.split(r";\s*", " ".join(value.split()))
    matched = _HEAD.fullmatch(head)
    if matched is None:
        raise ValueError(f"not an X-Spamd-Result: {value!r}")
    symbols: dict[str, float] = {}
    options: dict[str, str] = {}
    for item in items:
        symbol = _SYMBOL.match(item)
        if symbol is not None:
            symbols[symbol[1]] = float(symbol[2])
            options[symbol[1]] = symbol[3]
    return SpamdResult(matched[1] == "True", float(matched[2]), float(matched[3]), symbols, options)
