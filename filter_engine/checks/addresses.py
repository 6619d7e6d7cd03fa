"""Who a mail is from and to, by envelope and by header, as the rules compare them: without tags."""

from __future__ import annotations

from filter_engine.message.address import Address
from filter_engine.message.tags import Tags as Tags  # also read from here
from filter_engine.message.tags import bare_smtp_address
from filter_engine.message.tags import smtp_address as smtp_address
from filter_engine.message.tags import without_tags as without_tags
from filter_engine.scan.task import Task


def envelope_sender(task: Task) -> Address | None:
    """The envelope's sender without tags; None when the envelope names none."""
    text = task.envelope.mail_from
    return None if text is None else bare_smtp_address(text)


def envelope_recipients(task: Task) -> tuple[Address, ...]:
    """The envelope's recipients without tags."""
    found: tuple[Address, ...] | None = task.shared.get("envelope_recipients")
    if found is None:
        found = tuple(map(bare_smtp_address, task.envelope.rcpt_to))
        task.shared["envelope_recipients"] = found
    return found


def header_senders(task: Task) -> tuple[Address, ...]:
    """The addresses of From, the first without tags."""
    return task.message.bare_senders


def header_recipients(task: Task) -> tuple[Address, ...]:
    """The addresses of To, Cc and Bcc without tags.

    A field without an address counts as one empty address, as in ``undisclosed-recipients:;``.
    """
    return task.message.bare_recipients


def same(one: str, other: str) -> bool:
    """Whether two addresses or domains are equal, case aside."""
    return one.lower() == other.lower()
