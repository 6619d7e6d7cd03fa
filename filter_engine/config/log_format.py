"""The template of the line about a message: ``logging { log_format = ...; }``.

Source: Rspamd's documentation of logging, and lines of Rspamd 3.4: text with ``$variable``,
``$variable{body}`` (each ``$`` of the body is the value), and ``$if_variable...``, which is left
out when there is no value. A line end, with the blanks around it, is one space.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from filter_engine.config.findings import Severity
from filter_engine.config.kinds import STRING
from filter_engine.config.schema import Binder, Kind
from filter_engine.ucl.nodes import UclNode

VARIABLES: Final = (
    *("mid", "qid", "user", "ip", "len", "dns_req", "is_spam", "action", "scores"),
    *("symbols", "symbols_scores", "symbols_params", "symbols_scores_params"),
    *("groups", "public_groups", "smtp_from", "mime_from", "smtp_rcpt", "smtp_rcpts"),
    *("mime_rcpt", "mime_rcpts", "time_real", "time_virtual", "digest", "filename"),
    *("forced_action", "settings_id"),
    # This engine's own.
    *("task_id", "helo", "hostname", "scanner", "unfinished", "lost_stores"),
)
"""Names that stand for something; the last six are not Rspamd's."""

DEFAULT: Final = (
    "id: <$mid>,$if_qid{ qid: <$>,}$if_ip{ ip: $,}$if_user{ user: $,}$if_smtp_from{ from: <$>,}"
    " (default: $is_spam ($action): [$scores] [$symbols_scores_params]), len: $len,"
    " time: $time_real, dns req: $dns_req$if_smtp_rcpts{, rcpts: <$>}"
    "$if_forced_action{, forced: $}$if_settings_id{, settings_id: $}"
    "$if_scanner{, scanner: $}$if_unfinished{, unfinished: $}$if_lost_stores{, lost stores: $}"
)
"""Rspamd's fields in Rspamd's places, then this engine's."""

MAX_PARTS: Final = 200
_NAME = re.compile(r"\$(if_)?([a-z_]+)")
_LINE_END = re.compile(r"\s*[\r\n]+\s*")


class Part(NamedTuple):
    """A text, or a variable with what surrounds it."""

    text: str = ""
    variable: str = ""
    optional: bool = False
    """Left out without a value."""
    body: str | None = None


def parse_log_format(text: str) -> tuple[tuple[Part, ...], list[str]]:
    """The parts of a template, and what is wrong with it: unknown variables stand as nothing."""
    text = _LINE_END.sub(" ", text.strip())
    parts: list[Part] = []
    faults: list[str] = []
    position = start = 0
    while (found := _NAME.search(text, position)) is not None:
        if found.start() > start:
            parts.append(Part(text[start : found.start()]))
        position = found.end()
        body = None
        if text[position : position + 1] == "{":
            end = _closing(text, position)
            if end < 0:
                faults.append(f"${found[2]}{{ has no }}")
                end = len(text)
            body, position = text[position + 1 : end], end + 1
        if found[2] in VARIABLES:
            parts.append(Part("", found[2], found[1] is not None, body))
        elif found[2] == "lua":
            faults.append("$lua{...} is not served: there is no Lua here")
        else:
            faults.append(f"there is no variable {found[2][:40]}")
        start = position
    if start < len(text):
        parts.append(Part(text[start:]))
    if len(parts) > MAX_PARTS:
        faults.append(f"more than {MAX_PARTS} parts: the rest is left out")
    return tuple(parts[:MAX_PARTS]), faults


def _closing(text: str, opening: int) -> int:
    """Where the brace at ``opening`` is closed; -1 when nowhere."""
    depth = 0
    for index in range(opening, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if not depth:
                return index
    return -1


def _told(nodes: list[UclNode], binder: Binder) -> str:
    text = STRING.convert(nodes, binder)
    for fault in parse_log_format(text)[1]:
        hint = f"variables: {', '.join(VARIABLES)}" if "no variable" in fault else ""
        binder.report(Severity.WARNING, "wrong-type", nodes[0], f"log_format: {fault}", hint)
    return text


LOG_FORMAT: Kind[str] = Kind("template", _told)
