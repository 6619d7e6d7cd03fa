"""From a text with template tags to the text that is parsed.

The form that stock files use, ``{= env.NAME | default("x") =}``, is replaced at once; all else is
expanded by ``expand``, which is imported when the first file needs it: start-up time counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from filter_engine.ucl.limits import Budget
from filter_engine.ucl.source import PositionMap, Source

_PREFIX = "RSPAMD_"
_OPENING = re.compile(r"\{[=%#]")
_EXPRESSION = re.compile(
    r"\{=[ \t]*env\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*"
    r"(?:\|[ \t]*default[ \t]*(?P<open>\()?[ \t]*"
    r"(?:\"(?P<double>[^\"\n\\]*)\"|'(?P<single>[^'\n\\]*)')[ \t]*(?(open)\))[ \t]*)?=\}"
)


class Rendered(NamedTuple):
    """A text with its templates expanded, and where each of its characters comes from."""

    text: str
    positions: PositionMap | None


def template_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The ``env`` of templates: ``RSPAMD_NAME`` of the environment as ``NAME``."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in environ.items()
        if name.startswith(_PREFIX)
    }


def render(
    text: str, file: str, env: Mapping[str, str], paths: Mapping[str, str], budget: Budget
) -> Rendered:
    """Expand the templates of one file. Raises ``UclError``.

    ``env`` and ``paths`` are the two tables every template sees; ``budget`` bounds the work of all
    templates of a load together.
    """
    if "{=" not in text and "{%" not in text and "{#" not in text:
        return Rendered(text, None)
    positions = PositionMap(text)
    pieces: list[str] = []
    last = length = 0
    for opening in _OPENING.finditer(text):
        start = opening.start()
        match = _EXPRESSION.match(text, start)
        if match is None or start < last:
            from filter_engine.ucl.template.expand import expand

            return expand(Source(text, file), {"env": env, "paths": paths}, budget)
        fallback = match["double"] if match["double"] is not None else match["single"] or ""
        value = env.get(match["name"], fallback)
        positions.add(length, last, literal=True)
        positions.add(length + start - last, start, literal=False)
        pieces += (text[last:start], value)
        length += start - last + len(value)
        last = match.end()
    positions.add(length, last, literal=True)
    pieces.append(text[last:])
    return Rendered("".join(pieces), positions)
