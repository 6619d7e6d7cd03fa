"""X-Spamd-Result in both directions: a verdict's symbols as one header, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from filter_engine.headers.fold import LINE, fold_results, one_line
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.verdict import SymbolResult

MAX_OPTION: Final = 512
"""Characters of one option that are shown."""
MAX_OPTIONS: Final = 60_000
"""Characters of all options together; MTAs cut headers off (Postfix: ``header_size_limit``)."""
MAX_READ: Final = 256 * 1024
"""Characters of a header that are read back."""

_HEAD: Final = re.compile(
    r"\s*(\S+):\s*(True|False)\s*\[(-?[\d.]{1,24}|nan)\s*/\s*(-?[\d.]{1,24}|nan)\]"
)
_BEGIN: Final = re.compile(
    r"(?:^|\])\s*;\s*([A-Za-z0-9_.:/-]{1,200})\((-?\d{1,12}(?:\.\d{1,9})?)\)\["
)
_LOOKS_LIKE_THE_END: Final = re.compile(r"\](?=\s*;)")


class NoSpamdResultError(ValueError):
    """The text is no X-Spamd-Result."""


@frozen
class ShownSymbol:
    """A symbol as the header shows it."""

    name: str
    score: float
    options: tuple[str, ...] = ()


@frozen
class SpamdResult:
    """What one X-Spamd-Result says."""

    rejected: bool
    score: float
    required: float
    """``nan`` when nothing is rejected."""
    symbols: tuple[ShownSymbol, ...] = ()


def spamd_result(
    symbols: Iterable[SymbolResult],
    score: float,
    required: float,
    rejected: bool,
    *,
    sort_by: str = "score",
    stop_chars: str = ";",
) -> str:
    """The header's value: ``default: False [6.50 / 15.00]``, then ``NAME(score)[option,option]``.

    ``sort_by``: ``score``, the weightiest first, or ``name``. What an option quotes of a message
    can neither end the header nor look like another symbol.
    """
    left = MAX_OPTIONS
    items = [f"default: {rejected} [{score:.2f} / {required:.2f}]"]
    if sort_by == "name":
        ordered = sorted(symbols, key=lambda symbol: symbol.name)
    else:
        ordered = sorted(symbols, key=lambda symbol: -abs(symbol.score))
    for symbol in ordered:
        options = _options(symbol.options) if left > 0 and symbol.options else ""
        left -= len(options)
        items.append(f"{one_line(symbol.name)}({symbol.score:.2f})[{options}]")
    return fold_results(items, stop_chars)


def _options(options: Iterable[str]) -> str:
    shown: list[str] = []
    length = 0
    for text in options:
        option = one_line(text[:MAX_OPTION])
        if "]" in option:
            option = _LOOKS_LIKE_THE_END.sub(")", option)
        length += len(option) + 1
        if length > LINE:
            option, length = f"\n\t{option}", len(option)
        shown.append(option)
    return ",".join(shown)


def parse_spamd_result(value: str) -> SpamdResult:
    """Read the header's value back, folded or not; raises ``NoSpamdResultError``.

    Options are split at commas: one that has a comma in it comes back as two.
    """
    text = re.sub(r"\r?\n[ \t]+", " ", value[:MAX_READ].strip())
    head = _HEAD.match(text)
    if head is None:
        raise NoSpamdResultError(
            "expected 'default: False [SCORE / LIMIT]; SYMBOL(SCORE)[...]; ...'"
        )
    try:
        score, required = float(head[3]), float(head[4])
    except ValueError:
        raise NoSpamdResultError(f"{head[3]} / {head[4]} are no scores") from None
    rest = text[head.end() :]
    begins = list(_BEGIN.finditer(rest))
    symbols: list[ShownSymbol] = []
    for index, found in enumerate(begins, start=1):
        following = begins[index].start() if index < len(begins) else 0
        inside = rest[found.end() : following] if following else _last(rest[found.end() :])
        options = tuple(option.strip() for option in inside.split(",")) if inside else ()
        symbols.append(ShownSymbol(found[1], float(found[2]), options))
    return SpamdResult(head[2] == "True", score, required, tuple(symbols))


def _last(text: str) -> str:
    return text.rstrip(" ;\t").removesuffix("]")
