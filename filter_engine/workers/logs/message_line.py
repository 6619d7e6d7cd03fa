"""The one line about each message, and its fields for logs that keep them apart."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from filter_engine.config.log_format import DEFAULT
from filter_engine.config.log_levels import NOTICE
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsStatus
from filter_engine.scan.store import StoreAnswer
from filter_engine.scan.verdict import Verdict
from filter_engine.workers.logs.printable import MAX_LINE, printable
from filter_engine.workers.logs.template import Scanned, Template, by_weight, cut, shortened

MESSAGES = logging.getLogger("filter_engine.task")
QUESTIONS = logging.getLogger("filter_engine.questions")
FUNCTION: Final = "rspamd_task_write_log"
"""What programs that read Rspamd's logs look for in the line about a message."""
MAX_URLS: Final = 100
MAX_RCPTS: Final = 100
_MAX_FIELD: Final = 512
"""Characters of one field or entry: a log that is given more in one datagram takes nothing."""


class Style:
    """What the line looks like; one a process."""

    template = Template(DEFAULT, 7)
    most = 7
    urls = False


def log_message(verdict: Verdict, envelope: Envelope, size: int, scanner: str) -> None:
    """Tell of one message of ``size`` octets; ``scanner`` says who scanned."""
    if "no_log" in envelope.flags:
        return
    scanned = Scanned(verdict, envelope, size, scanner)
    if QUESTIONS.isEnabledFor(logging.DEBUG):
        _failed_questions(scanned)
    if Style.urls:
        _urls(scanned)
    if not MESSAGES.isEnabledFor(NOTICE):
        return
    text = printable(Style.template.fill(scanned)[:MAX_LINE])
    # As ``MESSAGES.log``, without looking for the caller's file and line, which nothing shows.
    record = logging.LogRecord(MESSAGES.name, NOTICE, "", 0, text, (), None, FUNCTION)
    record.scanned = scanned
    record.is_one_line = len(text) <= MAX_LINE
    MESSAGES.handle(record)


def fields_of(scanned: Scanned) -> Mapping[str, Any]:
    """What a log that keeps fields keeps of a message; names are those in the journal."""
    verdict, envelope, size, scanner = scanned
    fields: dict[str, Any] = {
        "ACTION": verdict.action.value,
        "SCORE": round(verdict.score, 2),
        "SYMBOLS": [symbol.name for symbol in by_weight(verdict.symbols)][:MAX_URLS],
        "MAIL_ID": _cut(verdict.message_id),
        "MAIL_SIZE": size,
        "QUEUE_ID": _cut(envelope.queue_id),
        "CLIENT_IP": envelope.ip,
        "MAIL_USER": _cut(envelope.user),
        "MAIL_FROM": _cut(envelope.mail_from),
        "MAIL_RCPT": [_cut(rcpt) for rcpt in shortened(envelope.rcpt_to, Style.most or MAX_RCPTS)],
        "SCAN_MS": round(verdict.time_real * 1000, 3),
        "SCANNER": scanner,
        "UNFINISHED": shortened(verdict.unfinished, Style.most),
        "LOST_STORES": shortened(verdict.lost_stores, Style.most),
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _cut(value: str | None) -> str | None:
    return None if value is None else cut(value, _MAX_FIELD)


def _urls(scanned: Scanned) -> None:
    task = scanned.verdict.task
    for url in () if task is None else task.message.urls[:MAX_URLS]:
        MESSAGES.info("url: <%s>", url.text[:1000])


def _failed_questions(scanned: Scanned) -> None:
    """What DNS, stores and services did not answer; told at the end, where it costs nothing."""
    task = scanned.verdict.task
    for known in () if task is None else task.answered:
        for answer in known.values():
            if isinstance(answer, DnsAnswer):
                if answer.status is DnsStatus.TEMPFAIL:
                    asked = answer.question
                    QUESTIONS.debug("dns: %s %s: %s", asked.name, asked.rdtype, answer.detail)
            elif not answer.ok:
                what = "store" if isinstance(answer, StoreAnswer) else "service"
                QUESTIONS.debug("%s: %s", what, answer.evidence)
