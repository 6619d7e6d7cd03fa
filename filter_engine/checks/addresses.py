"""Who a mail is from and to, by envelope and by header, as the rules compare them.

Rspamd compares addresses without their tags: ``user+tag@example.com`` counts as
``user@example.com``, and Gmail's dots are left out.
"""

from __future__ import annotations

from dataclasses import replace

from filter_engine.message.address import Address, parse_mailbox
from filter_engine.scan.task import Task

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}

Tags = tuple[str, ...]


def smtp_address(text: str) -> Address:
    """An address as it stands in the envelope; the null sender is valid and empty."""
    if not text:
        return Address(None, "", "")
    return parse_mailbox(text.encode("utf-8", "surrogateescape"))


def without_tags(address: Address) -> tuple[Address, Tags | None]:
    """The address without plus tags, and the tags; None when there was nothing to remove."""
    local, domain = address.local, address.domain
    if domain in _DOTLESS:
        bare = local.replace(".", "")
        user, plus, rest = bare.partition("+")
        changed = (plus and user) or bare != local
        if not changed:
            user = local
            if domain not in _SAME_DOMAIN:
                return address, None
        return _renamed(address, user or bare, _SAME_DOMAIN.get(domain, domain)), (
            tuple(tag for tag in rest.split("+") if tag) if changed else None
        )
    user, plus, rest = local.partition("+")
    if not (plus and user and domain):
        return address, None
    return _renamed(address, user, domain), tuple(tag for tag in rest.split("+") if tag)


def _renamed(address: Address, local: str, domain: str) -> Address:
    written = address.spelled.rpartition("@")[2]
    shown = written if written.lower() == domain else domain
    return replace(address, local=local, domain=domain, spelled=f"{local}@{shown}")


def envelope_sender(task: Task) -> Address | None:
    """The envelope's sender without tags; None when the envelope names none."""
    text = task.envelope.mail_from
    return None if text is None else without_tags(smtp_address(text))[0]


def envelope_recipients(task: Task) -> tuple[Address, ...]:
    """The envelope's recipients without tags."""
    return tuple(without_tags(smtp_address(text))[0] for text in task.envelope.rcpt_to)


def header_senders(task: Task) -> tuple[Address, ...]:
    """The addresses of From, the first without tags."""
    senders = task.message.from_addresses
    return (without_tags(senders[0])[0], *senders[1:]) if senders else ()


def header_recipients(task: Task) -> tuple[Address, ...]:
    """The addresses of To, Cc and Bcc without tags.

    A field without an address counts as one empty address, as in ``undisclosed-recipients:;``.
    """
    return tuple(without_tags(rcpt)[0] for rcpt in task.message.recipients)


def same(one: str, other: str) -> bool:
    """Whether two addresses or domains are equal, case aside."""
    return one.lower() == other.lower()
