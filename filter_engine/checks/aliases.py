"""Plus tags in addresses."""

from __future__ import annotations

from filter_engine.checks.addresses import smtp_address, without_tags
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding


@check(
    "email_plus_aliases",
    module="aliases",
    stage=Stage.PREFILTER,
    priority=150,
    symbols=(
        Symbol("TAGGED_FROM", 0.0, "The sender's address has plus tags", ("headers",)),
        Symbol("TAGGED_RCPT", 0.0, "A recipient's address has plus tags", ("headers",)),
    ),
)
def tagged(task: Task) -> list[Finding]:
    """Tags of the first sender and of all recipients, in envelope and header."""
    senders = [] if task.envelope.mail_from is None else [smtp_address(task.envelope.mail_from)]
    senders += task.message.from_addresses[:1]
    recipients = [smtp_address(text) for text in task.envelope.rcpt_to]
    recipients += task.message.recipients
    found: list[Finding] = []
    for symbol, addresses in (("TAGGED_FROM", senders), ("TAGGED_RCPT", recipients)):
        tags: dict[str, None] = {}
        tagged_any = False
        for address in addresses:
            removed = without_tags(address)[1]
            if removed is not None:
                tagged_any = True
                tags.update(dict.fromkeys(removed))
        if tagged_any:
            found.append(Finding(symbol, tuple(tags)))
    return found
