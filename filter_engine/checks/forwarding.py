"""Signs that a mail was forwarded to the recipient by somebody else's server."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from filter_engine.checks.addresses import (
    envelope_recipients,
    envelope_sender,
    header_recipients,
    same,
    smtp_address,
    without_tags,
)
from filter_engine.checks.received_rules import hops
from filter_engine.message.address import parse_mailbox
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("forwarding",)
_MAX_KEPT: Final = 320
"""Characters of an address that is kept (RFC 5321, section 4.5.3.1)."""


@check(
    "forwarding",
    symbols=(
        Symbol("FORWARDED", 0.0, "A trace field names another recipient", _GROUP),
        Symbol("FWD_GOOGLE", 0.0, "Forwarded by Google", _GROUP),
        Symbol("FWD_YANDEX", 0.0, "Forwarded by Yandex", _GROUP),
        Symbol("FWD_MAILRU", 0.0, "Forwarded by Mail.ru", _GROUP),
        Symbol("FWD_SRS", 0.0, "Forwarded with the Sender Rewriting Scheme", _GROUP),
        Symbol(
            "ENVFROM_VERP", 0.0, "The envelope's sender holds the recipient (VERP)", ("headers",)
        ),
        Symbol("ENVFROM_PRVS", 0.0, "The envelope's sender is From with a BATV tag", ("headers",)),
    ),
)
def forwarding(task: Task) -> list[Finding]:
    """Rewritten senders, and trace fields for somebody else than the only recipient."""
    recipients = envelope_recipients(task)
    sender = envelope_sender(task)
    found: list[Finding] = []
    if sender is not None and len(recipients) == 1:
        found += _rewritten(task, recipients[0].spelled.lower(), sender.local.lower())
    if len(recipients) == 1 and header_recipients(task):
        forwarded = _forwarded_for(task, recipients[0].spelled)
        if forwarded is not None:
            found.append(Finding("FORWARDED", (forwarded,)))
    host = (task.envelope.hostname or "").lower()
    if ".yandex." in host and task.message.get("x-yandex-forward") is not None:
        found.append(Finding("FWD_YANDEX"))
    if host.endswith(".mail.ru") and task.message.get("x-mailru-forward") is not None:
        found.append(Finding("FWD_MAILRU"))
    return found


def _rewritten(task: Task, recipient: str, local: str) -> list[Finding]:
    found: list[Finding] = []
    original = smtp_address(task.envelope.mail_from or "")
    verp = recipient.replace("@", "=")
    user, caf, rest = original.local.partition("+caf_=")
    if caf and rest.lower().startswith(verp):
        found.append(Finding("FWD_GOOGLE", (f"{user}@{original.domain}",)))
    rcpt_local, _, rcpt_domain = recipient.partition("@")
    srs = local.startswith(("srs0=", "srs1="))
    if srs and f"={rcpt_domain}={rcpt_local}" in local:
        found.append(Finding("FWD_SRS"))
    if verp in local and f"+caf_={verp}" not in original.local.lower() and not srs:
        found.append(Finding("ENVFROM_VERP"))
    senders = task.message.from_addresses
    if senders and _untagged(local) is not None:
        candidates = {f"{part}@{original.domain}" for part in _untagged(local) or ()}
        if senders[0].email.lower() in candidates:
            found.append(Finding("ENVFROM_PRVS"))
    return found


def _untagged(local: str) -> tuple[str, ...] | None:
    """What a BATV sender may stand for (draft-levine-smtp-batv); None when it is none."""
    scheme, equals, rest = local.partition("=")
    if not equals:
        return None
    if scheme in ("prvs", "msprvs1"):
        tag, _, user = rest.partition("=")
        return (user, tag) if scheme == "prvs" else (user,)
    if scheme == "btv1" and rest.startswith("="):
        return (rest.rpartition("==")[2],)
    return None


def _parsed(written: str) -> str:
    """An address of a trace field without tags."""
    return without_tags(parse_mailbox(written.encode("utf-8", "replace")))[0].spelled


_read = lru_cache(maxsize=256)(_parsed)


def _forwarded_for(task: Task, recipient: str) -> str | None:
    """The newest ``for`` of a trace field when it is not the recipient, None otherwise."""
    written = ""
    for hop in hops(task):
        if hop.for_:
            written = hop.for_
            break
    if not written:
        return None
    address = _read(written) if len(written) <= _MAX_KEPT else _parsed(written)
    if same(address, recipient):
        return None
    recipients = header_recipients(task)
    list_post = task.message.get("list-unsubscribe") is not None
    if list_post and recipients and same(recipients[0].spelled, address):
        return None
    return address
