"""Plus tags in addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from filter_engine.checks.addresses import smtp_address, without_tags
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasesOptions(Section):
    """The section ``aliases``: Rspamd has options here, this engine none."""

    anchor: ClassVar[str] = "modules/aliases"
    known: ClassVar[Mapping[str, Option]] = unserved("aliases")


@check(
    "email_plus_aliases",
    module="aliases",
    options=AliasesOptions,
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
