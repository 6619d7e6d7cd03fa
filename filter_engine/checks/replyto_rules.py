"""Reply-To: whether it leads to the sender or elsewhere."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.addresses import (
    envelope_recipients,
    header_recipients,
    header_senders,
    same,
)
from filter_engine.checks.from_rules import title_of
from filter_engine.message.address import Address
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_AUTOMATIC = ("list-unsubscribe", "x-to-get-off-this-list", "x-list", "auto-submitted")
_FIELDS: Final = 10
_LOOKED_AT: Final = 1000
"""Characters of a field that are looked at."""
_QUOTED_NAME: Final = re.compile(r"\".*\"\s*<")
_YAHOO: Final = re.compile(r"@yahoo\.com\b", re.IGNORECASE)


@check(
    "check_replyto",
    module="headers",
    symbols=(
        Symbol("REPLYTO_UNPARSEABLE", 1.0, "Reply-To holds no address", _HEADERS),
        Symbol("HAS_REPLYTO", 0.0, "There is a Reply-To header", _HEADERS),
        Symbol("REPLYTO_EQ_FROM", 0.0, "Reply-To and From are written alike", _HEADERS),
        Symbol("REPLYTO_ADDR_EQ_FROM", 0.0, "Reply-To has From's address", _HEADERS),
        Symbol("REPLYTO_DOM_EQ_FROM_DOM", 0.0, "Reply-To is in From's domain", _HEADERS),
        Symbol(
            "REPLYTO_DOM_NEQ_FROM_DOM", 0.0, "Reply-To is in another domain than From", _HEADERS
        ),
        Symbol(
            "REPLYTO_DN_EQ_FROM_DN",
            0.0,
            "Reply-To has From's display name, or both have none",
            _HEADERS,
        ),
        Symbol("REPLYTO_EMAIL_HAS_TITLE", 2.0, "Reply-To begins with From's title", _HEADERS),
        Symbol("REPLYTO_EQ_TO_ADDR", 5.0, "Reply-To is the recipient's own address", _HEADERS),
    ),
)
def check_replyto(task: Task) -> list[Finding]:
    """Reply-To beside From and To."""
    field = task.message.get("reply-to")
    if field is None:
        return []
    replies = task.message.reply_to
    if not replies or not replies[0].spelled:
        return [Finding("REPLYTO_UNPARSEABLE")]
    reply = replies[0]
    found = [Finding("HAS_REPLYTO", (reply.spelled,))]
    senders = task.message.from_addresses
    if not senders:
        return found
    sender = senders[0]
    title = title_of(header_senders(task)[0])
    if title is not None and reply.spelled.lower().startswith(title):
        found.append(Finding("REPLYTO_EMAIL_HAS_TITLE"))
    written = task.message.get("from")
    if written is not None and written.unfolded == field.unfolded:
        found.append(Finding("REPLYTO_EQ_FROM"))
        return found
    alignment = _alignment(task, reply, sender)
    if alignment is not None:
        found.append(Finding(alignment))
    if same(sender.display or "", reply.display or ""):
        found.append(Finding("REPLYTO_DN_EQ_FROM_DN"))
    return found


def _alignment(task: Task, reply: Address, sender: Address) -> str | None:
    if same(sender.spelled, reply.spelled):
        return "REPLYTO_ADDR_EQ_FROM"
    if not (sender.domain and reply.domain):
        return None
    if sender.domain == reply.domain:
        return "REPLYTO_DOM_EQ_FROM_DOM"
    recipients = header_recipients(task)
    if recipients and same(recipients[0].spelled, reply.spelled):
        automatic = any(task.message.get(name) is not None for name in _AUTOMATIC)
        return None if automatic else "REPLYTO_EQ_TO_ADDR"
    return "REPLYTO_DOM_NEQ_FROM_DOM"


@check(
    "spoof_replyto",
    module="headers",
    symbols=(
        Symbol("SPOOF_REPLYTO", 6.0, "From is your domain, Reply-To leads out of it", _HEADERS),
    ),
)
def spoof_replyto(task: Task) -> list[Finding]:
    """A sender who looks like one of the recipients' own, with answers going elsewhere."""
    replies = task.message.reply_to
    senders = header_senders(task)
    recipients = envelope_recipients(task)
    if not (replies and replies[0].domain and senders and senders[0].spelled and recipients):
        return []
    sender, reply = senders[0], replies[0]
    shown = header_recipients(task)
    if shown and same(shown[0].spelled, sender.spelled):
        return []  # Web forms write to themselves.
    if len(recipients) == 1 and same(recipients[0].spelled, sender.spelled):
        return []  # A list gives one's own post back.
    if reply.domain == sender.domain or all(one.domain != sender.domain for one in recipients):
        return []
    return [Finding("SPOOF_REPLYTO", (sender.domain, reply.domain))]


@check(
    "reply_to_yahoo",
    module="headers",
    symbols=(
        Symbol(
            "REPTO_QUOTE_YAHOO", 2.0, "Quoted Reply-To that Yahoo does not write", _HEADERS, True
        ),
    ),
)
def reply_to_yahoo(task: Task) -> list[Finding]:
    """A quoted name in Reply-To of a mail that claims to come from Yahoo."""
    message = task.message
    replies = message.get_all("reply-to")[:_FIELDS]
    if not any(_QUOTED_NAME.search(field.value[:_LOOKED_AT]) for field in replies):
        return []
    claims = (*message.get_all("from"), *message.get_all("message-id"))
    return [Finding("REPTO_QUOTE_YAHOO")] if any(_YAHOO.search(c.value) for c in claims) else []
