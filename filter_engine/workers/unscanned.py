"""Verdicts on messages that are not scanned."""

from __future__ import annotations

import time
from dataclasses import replace

from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, Verdict
from filter_engine.scanner import Scanner

STATUS_HEADER = "X-Spam-Status"


def empty(scanner: Scanner, envelope: Envelope) -> Verdict:
    """The verdict on nothing at all: no symbols, no action, the site's headers."""
    ip = client_ip(envelope.ip)
    task = Task(
        message=Message(b""),
        envelope=envelope,
        sections=scanner.plan.sections,
        now=time.time(),
        server=scanner.server,
        local=ip is None or scanner.config.options.is_local(ip),
        ip=ip,
    )
    required = scanner.required_score
    decision = Decision(Action.NO_ACTION, 0.0, ())
    edits = scanner.headers.edits(task, decision, required)
    return Verdict(Action.NO_ACTION, 0.0, required, edits=edits)


def skipped(scanner: Scanner, envelope: Envelope) -> Verdict:
    """The verdict on a message whose client asked not to scan it (flag ``skip``)."""
    return replace(empty(scanner, envelope), skipped=True, edits=HeaderEdits())


def oversize(scanner: Scanner, envelope: Envelope, limit: int) -> Verdict:
    """The verdict on a message above ``limit`` octets: it passes, and a header says so.

    Headers a sender may have forged are removed as for a scanned message. Instead of results there
    is one header: ``X-Spam-Status: No, not scanned (message larger than LIMIT bytes)``.
    """
    note = AddHeader(STATUS_HEADER, f"No, not scanned (message larger than {limit} bytes)")
    edits = HeaderEdits((note,), empty(scanner, envelope).edits.remove)
    return Verdict(Action.NO_ACTION, 0.0, scanner.required_score, skipped=True, edits=edits)
