"""Bounces: delivery status notifications (RFC 3464, RFC 8098) and what servers make up instead."""

from __future__ import annotations

from typing import Final

from filter_engine.checks.addresses import header_senders
from filter_engine.checks.regexp import module as regexp
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_REPORTS: Final = frozenset({"delivery-status", "disposition-notification"})
_SENDERS: Final = frozenset({"postmaster", "mailer-daemon"})
_RETURNED: Final = frozenset(
    {"message/rfc822", "message/rfc822-headers", "text/rfc822", "text/rfc822-headers"}
)
_MAX_PARTS: Final = 9
"""Parts among which the returned mail is looked for."""


@check(
    "bounce",
    module="headers",
    symbols=(Symbol("BOUNCE", -0.1, "A notification of (non) delivery", ("headers",)),),
    needs=("regexp",),
)
def bounce(task: Task) -> list[Finding]:
    """Mail of the null sender that is a report, or has two marks of a home-made one.

    The sender's name and the subject's words weigh a half, as do sender and returned mail; the
    subject's words and a returned mail weigh a fifth.
    """
    if task.envelope.mail_from:
        return []
    message = task.message
    top = message.parts[0]
    if top.content_type == "multipart/report" and top.params.get("report-type") in _REPORTS:
        return [Finding("BOUNCE", ("DSN",), evidence=f"report-type: {top.params['report-type']}")]
    senders = header_senders(task)
    local = senders[0].local.lower() if senders else ""
    if local == "mdaemon" and message.get("x-mddsn-message") is not None:
        return [Finding("BOUNCE", ("MDaemon",), evidence="X-MDDSN-Message")]
    sender = local if local in _SENDERS else ""
    subject = "SUBJ_BOUNCE_WORDS" in (task.results.get(regexp.NAME) or ())
    if sender and subject:
        return _found(0.5, f"{sender}+subj")
    if not (sender or subject):
        return []
    kinds = (part.content_type for part in message.parts[:_MAX_PARTS])
    returned = next((kind for kind in kinds if kind in _RETURNED), None)
    if returned is None:
        return []
    return _found(0.5, f"{sender}+{returned}") if sender else _found(0.2, f"{returned}+subj")


def _found(weight: float, marks: str) -> list[Finding]:
    return [Finding("BOUNCE", (marks,), weight, evidence=f"From, Subject and parts: {marks}")]
