"""Sets up where log lines of this process go, from the section ``logging``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Final

from filter_engine.config.log_levels import LEVELS, NOTICE, SILENT
from filter_engine.config.model import LoggingConfig
from filter_engine.workers.logs import journal
from filter_engine.workers.logs.formats import JsonFormat, Process, TextFormat
from filter_engine.workers.logs.log_file import LogFile
from filter_engine.workers.logs.message_line import Style
from filter_engine.workers.logs.tag import Debugging, is_debugged
from filter_engine.workers.logs.template import Template

SYSLOG: Final = "/dev/log"


class _Silent:
    """Whether the workers shall say less than the supervisor that forked them."""

    asked = False


class _Chosen(logging.Filter):
    """Of a log that is wide open for ``debug_ip``: what would be there without it, and theirs."""

    def __init__(self, level: int, modules: Iterable[str]) -> None:
        super().__init__()
        self._level = level
        self._modules = tuple(f"filter_engine.{module}" for module in modules)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown (``logging.Filter``)."""
        return (
            record.levelno >= self._level
            or is_debugged()
            or any(_within(record.name, module) for module in self._modules)
        )


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def configure(config: LoggingConfig) -> None:
    """Set up logging for this process and those it forks; raises OSError (no such directory)."""
    handler = _handler(config)
    logging.logThreads = logging.logMultiprocessing = False  # no line shows them
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    level = LEVELS.get(config.level, logging.INFO)
    _Silent.asked = config.level == SILENT
    Debugging.clients = config.debug_ip
    if config.debug_ip is not None:
        handler.addFilter(_Chosen(level, config.debug_modules))
        level = logging.DEBUG
    root.setLevel(level)
    for module in config.debug_modules:
        logging.getLogger(f"filter_engine.{module}").setLevel(logging.DEBUG)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(max(level, logging.INFO))
    Style.template = Template(config.log_format, config.task_max_elts)
    Style.most = config.task_max_elts
    Style.urls = config.log_urls


def serve_as(kind: str) -> None:
    """Say in each line which kind of process writes it: ``main``, or a worker's type."""
    Process.kind = kind
    if _Silent.asked and kind != "main":
        logging.getLogger().setLevel(NOTICE)


def reopen() -> None:
    """Open log files anew, as somebody has rotated them (SIGUSR1)."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogFile):
            handler.reopen()


def _handler(config: LoggingConfig) -> logging.Handler:
    handler: logging.Handler
    if config.type == "file" and config.filename:
        handler = LogFile(config.filename)
        handler.setFormatter(_format(config))
    elif config.type == "syslog":
        from filter_engine.workers.logs.syslog import SyslogHandler  # brings pickle and more

        handler = SyslogHandler(SYSLOG, config.facility)
        handler.ident = f"{journal.IDENTIFIER}: "
        handler.setFormatter(_format(config, stamped=False))
    elif config.type in ("journal", "journald") or config.systemd or _stderr_is_journal():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_format(config, stamped=False, numbered=False, priority=True))
        native = config.type in ("journal", "journald") or _stderr_is_journal()
        if native and (sock := journal.connected()) is not None:
            return journal.JournalHandler(sock, handler)
    else:
        handler = logging.StreamHandler(sys.stderr)
        coloured = config.log_color and sys.stderr.isatty()
        handler.setFormatter(_format(config, coloured=coloured))
    return handler


def _format(
    config: LoggingConfig,
    *,
    stamped: bool = True,
    numbered: bool = True,
    priority: bool = False,
    coloured: bool = False,
) -> logging.Formatter:
    if config.log_json:
        return JsonFormat()
    return TextFormat(
        stamped=stamped,
        numbered=numbered,
        microseconds=config.log_usec,
        severity=config.log_severity,
        coloured=coloured,
        priority=priority,
        tag_length=config.max_log_tag_len,
    )


def _stderr_is_journal() -> bool:
    """Whether systemd connected standard error to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))
