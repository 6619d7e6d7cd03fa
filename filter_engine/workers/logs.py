"""Where log lines go, from the section ``logging``; one line for each message scanned."""

from __future__ import annotations

import logging
import logging.handlers
import math
import os
import sys

from filter_engine.config.model import LoggingConfig
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, SymbolResult, Verdict

MESSAGES = logging.getLogger("filter_engine.message")

_LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notice": logging.INFO,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "silent": logging.CRITICAL + 1,
}
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
MAX_LINE = 8000
"""Characters of the line for one message."""


class _JournalFormatter(logging.Formatter):
    """A syslog priority before every line (sd-daemon(3)); the journal adds time and process."""

    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelno, 2)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def configure(config: LoggingConfig) -> None:
    """Set up logging for this process and those it forks; raises OSError (no such directory)."""
    handler: logging.Handler
    line = "%(process)d %(levelname)s %(name)s: %(message)s"
    if config.type == "file" and config.filename:
        # Follows a rotation without being told.
        handler = logging.handlers.WatchedFileHandler(config.filename)
        handler.setFormatter(logging.Formatter(f"%(asctime)s {line}"))
    elif config.type == "syslog":
        handler = logging.handlers.SysLogHandler("/dev/log", config.facility)
        handler.setFormatter(logging.Formatter("filter-engine[%(process)d]: %(name)s: %(message)s"))
    elif config.type == "journal" or config.systemd or _stderr_is_journal():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(f"%(asctime)s {line}"))
    logging.logThreads = logging.logMultiprocessing = False  # no line shows them
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(_LEVELS.get(config.level, logging.INFO))
    for module in config.debug_modules:
        logging.getLogger(f"filter_engine.{module}").setLevel(logging.DEBUG)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _stderr_is_journal() -> bool:
    """Whether systemd connected standard error to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def log_message(verdict: Verdict, envelope: Envelope, size: int, scanner: str) -> None:
    """One line about one message, in the shape of Rspamd's; ``scanner`` says who scanned."""
    if not MESSAGES.isEnabledFor(logging.INFO) or "no_log" in envelope.flags:
        return
    parts = [f"id: <{verdict.message_id or 'undef'}>"]
    if envelope.queue_id:
        parts.append(f"qid: <{envelope.queue_id}>")
    if envelope.ip:
        parts.append(f"ip: {envelope.ip}")
    if envelope.user:
        parts.append(f"user: {envelope.user}")
    if envelope.mail_from is not None:
        parts.append(f"from: <{envelope.mail_from}>")
    spam = "S" if verdict.skipped else "T" if verdict.action is Action.REJECT else "F"
    limit = "-" if math.isnan(verdict.required_score) else f"{verdict.required_score:.2f}"
    symbols = ",".join(map(_symbol, sorted(verdict.symbols, key=lambda s: -abs(s.score))))
    parts.append(
        f"(default: {spam} ({verdict.action.value}): [{verdict.score:.2f}/{limit}] [{symbols}])"
    )
    parts.append(f"len: {size}")
    parts.append(f"time: {verdict.time_real * 1000:.3f}ms")
    if envelope.rcpt_to:
        shown = ",".join(envelope.rcpt_to[:10])
        more = len(envelope.rcpt_to) - 10
        parts.append(f"rcpts: <{shown}>" + (f" and {more} more" if more > 0 else ""))
    parts.append(f"scanner: {scanner}")
    if verdict.unfinished:
        parts.append(f"unfinished: {','.join(verdict.unfinished)}")
    text = printable(", ".join(parts))[:MAX_LINE]
    # As ``MESSAGES.info``, without looking for the caller's file and line, which nothing shows.
    MESSAGES.handle(logging.LogRecord(MESSAGES.name, logging.INFO, "", 0, text, (), None))


def _symbol(symbol: SymbolResult) -> str:
    options = ";".join((*symbol.options, "")) if symbol.options else ""
    return f"{symbol.name}({symbol.score:.2f}){{{options}}}"


def printable(text: str) -> str:
    """Text without control characters or half characters: a log line stays one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)
