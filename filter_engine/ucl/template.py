"""The small part of Rspamd's templates that its stock configuration uses.

``{= env.NAME =}`` and ``{= env.NAME | default("x") =}`` (also without parentheses) are replaced
before parsing. ``env`` holds the environment's ``RSPAMD_*`` variables without that prefix.
Source: Rspamd's documentation of Jinja templates in configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filter_engine.ucl.source import Source

_PREFIX = "RSPAMD_"
_OPENING = re.compile(r"\{[=%]")
_EXPRESSION = re.compile(
    r"\{=-?[ \t]*env\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*"
    r"(?:\|[ \t]*default[ \t]*(?P<open>\()?[ \t]*"
    r"(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)')[ \t]*(?(open)\))[ \t]*)?-?=\}"
)


def template_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The ``env`` of templates: ``RSPAMD_NAME`` of the environment as ``NAME``."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in environ.items()
        if name.startswith(_PREFIX)
    }


def render(text: str, file: str, env: Mapping[str, str]) -> str:
    """Replace the template expressions of one file; raises ``UclError`` for what is not known."""
    if "{=" not in text and "{%" not in text:
        return text
    source = Source(text, file)
    pieces: list[str] = []
    last = 0
    while (opening := _OPENING.search(text, last)) is not None:
        match = _EXPRESSION.match(text, opening.start())
        if match is None:
            raise source.error(
                opening.start(),
                "this template expression is not supported",
                "supported: {= env.NAME =} and {= env.NAME|default('text') =}",
            )
        fallback = match["double"] if match["double"] is not None else match["single"] or ""
        pieces.append(text[last : match.start()])
        pieces.append(env.get(match["name"], fallback))
        last = match.end()
    pieces.append(text[last:])
    return "".join(pieces)
