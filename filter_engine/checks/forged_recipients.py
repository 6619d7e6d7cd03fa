"""Recipients and sender of the envelope that the header does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from filter_engine.checks.addresses import (
    envelope_recipients,
    envelope_sender,
    header_senders,
    same,
)
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_MAX = 100
"""Recipients of envelope and header that are compared."""


@options_class
class ForgedRecipientsOptions(Section):
    """The section ``forged_recipients``: Rspamd has options here, this engine none."""

    anchor: ClassVar[str] = "modules/forged_recipients"
    known: ClassVar[Mapping[str, Option]] = unserved("forged_recipients")


@check(
    "forged_recipients",
    options=ForgedRecipientsOptions,
    symbols=(
        Symbol(
            "FORGED_RECIPIENTS",
            2.0,
            "The header names other recipients than the envelope",
            _HEADERS,
        ),
        Symbol("FORGED_SENDER", 0.3, "From is not the sender of the envelope", _HEADERS),
    ),
)
def forged_recipients(task: Task) -> list[Finding]:
    """Header recipients that are not in the envelope while others are, and a foreign From.

    Options are the unmatched addresses: ``m:`` of the header, ``s:`` of the envelope. Another user
    of a domain that both have counts as an alias, the sender may send copies to himself.
    """
    envelope = [rcpt for rcpt in envelope_recipients(task) if rcpt.spelled][:_MAX]
    header = task.message.recipients[:_MAX]
    if not envelope or not header:
        return []
    found: list[Finding] = []
    user = (task.envelope.user or "").lower()
    sender = envelope_sender(task)
    own = {user, sender.spelled.lower() if sender is not None else ""} - {""}
    delivered_to = (task.message.text("delivered-to") or "").lower()
    shown = {rcpt.spelled.lower() for rcpt in header}
    wanted = {rcpt.spelled.lower() for rcpt in envelope}
    domains = {rcpt.domain for rcpt in envelope}
    aliased: set[str] = set()
    options: list[str] = []
    for rcpt in header:
        address = rcpt.spelled.lower()
        if address in wanted or (address and address in (delivered_to, user)):
            continue
        if rcpt.domain in domains:
            aliased.add(rcpt.domain)
        else:
            options.append(f"m:{rcpt.spelled}")
    foreign = [
        f"s:{rcpt.spelled}"
        for rcpt in envelope
        if rcpt.spelled.lower() not in shown | own and rcpt.domain not in aliased
    ]
    if options and foreign:
        found.append(Finding("FORGED_RECIPIENTS", (*options, *foreign)))
    if sender is not None and sender.spelled:
        senders = header_senders(task)
        if not senders or not same(senders[0].spelled, sender.spelled):
            written = senders[0].spelled if senders else ""
            found.append(Finding("FORGED_SENDER", (written, sender.spelled)))
    return found
