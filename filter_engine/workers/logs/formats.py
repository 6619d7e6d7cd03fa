"""Records as text in Rspamd's shape, or as JSON.

``2026-11-22 02:18:53 #5861(normal) <tag>; module; function: text``; what runs over several lines
has all of that before each of them.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import orjson

from filter_engine.config.log_levels import PRIORITIES, WORDS
from filter_engine.workers.logs.message_line import fields_of
from filter_engine.workers.logs.printable import lines_of
from filter_engine.workers.logs.tag import log_tag

_COLOURS: Final = {0: "1;31", 1: "1;31", 2: "1;31", 3: "31", 4: "33", 5: "32", 6: "", 7: "2"}


class Process:
    """Who writes; one a process."""

    kind = "main"
    """``main``, ``proxy``, ``normal``, ``controller``, ``fuzzy``."""


def priority_of(record: logging.LogRecord) -> int:
    """Syslog's severity, 0 to 7."""
    known = PRIORITIES.get(record.levelno)
    if known is not None:
        return known
    return next((n for level, n in PRIORITIES.items() if record.levelno >= level), 7)


def word_of(record: logging.LogRecord) -> str:
    """The severity's name."""
    return WORDS.get(record.levelno) or tuple(WORDS.values())[priority_of(record)]


def module_of(record: logging.LogRecord) -> str:
    """The part of the engine, in one word."""
    return record.name.rpartition(".")[2]


class TextFormat(logging.Formatter):
    """Lines for people."""

    def __init__(
        self,
        *,
        stamped: bool = True,
        numbered: bool = True,
        microseconds: bool = False,
        severity: bool = False,
        coloured: bool = False,
        priority: bool = False,
        tag_length: int = 0,
    ) -> None:
        """``numbered``: with the process id; ``priority``: ``<5>`` before each line (sd-daemon(3));
        ``tag_length``: 0 for any."""
        super().__init__()
        self._stamped = stamped
        self._numbered = numbered
        self._microseconds = microseconds
        self._severity = severity
        self._coloured = coloured
        self._priority = priority
        self._tag_length = tag_length
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record (``logging.Formatter``)."""
        known = getattr(record, "is_one_line", False)  # it was looked at character by character
        lines = [record.getMessage()] if known else lines_of(whole_text(self, record))
        head = self.head(record)
        if len(lines) == 1 and not self._coloured:
            return head + lines[0]
        if self._coloured and (colour := _COLOURS[priority_of(record)]):
            return "\n".join(f"\x1b[{colour}m{head}{line}\x1b[0m" for line in lines)
        return "\n".join(head + line for line in lines)

    def head(self, record: logging.LogRecord) -> str:
        """What stands before the text of each line."""
        head = f"<{priority_of(record)}>" if self._priority else ""
        if self._stamped:
            head += f"{self._time(record.created)} "
        if self._numbered:
            head += f"#{record.process}"
        head += f"({Process.kind}) "
        if self._severity:
            head += f"[{word_of(record)}] "
        if tag := log_tag():
            head += f"<{tag[: self._tag_length] if self._tag_length else tag}>; "
        return f"{head}{module_of(record)}; {record.funcName}: "

    def _time(self, created: float) -> str:
        second = int(created)
        if second != self._second[0]:
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second, text
        if self._microseconds:
            return f"{self._second[1]}.{int((created - second) * 1e6):06d}"
        return self._second[1]


class JsonFormat(logging.Formatter):
    """One object a record, on one line: Rspamd's keys, and ``task`` for the line of a message."""

    def format(self, record: logging.LogRecord) -> str:
        """The object (``logging.Formatter``)."""
        said: dict[str, Any] = {
            "ts": round(record.created, 6),
            "pid": record.process,
            "severity": word_of(record),
            "worker_type": Process.kind,
            "id": log_tag(),
            "module": module_of(record),
            "function": record.funcName,
            "message": "\n".join(lines_of(whole_text(self, record))),
        }
        scanned = getattr(record, "scanned", None)
        if scanned is not None:
            said["task"] = {name.lower(): value for name, value in fields_of(scanned).items()}
        try:
            return orjson.dumps(said).decode()
        except (TypeError, ValueError):  # half characters
            return orjson.dumps(_sound(said)).decode()


def whole_text(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The record's text with what was raised."""
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{formatter.formatException(record.exc_info)}"
    return text


def _sound(said: Any) -> Any:
    """The same with every half character written out."""
    if isinstance(said, str):
        return said.encode("utf-8", "backslashreplace").decode()
    if isinstance(said, dict):
        return {key: _sound(value) for key, value in said.items()}
    return [_sound(one) for one in said] if isinstance(said, list) else said
