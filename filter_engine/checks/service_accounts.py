"""Senders that are accounts of services, not of people: web servers that were broken into."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.addresses import envelope_sender, header_senders
from filter_engine.message.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("compromised_hosts",)
_ACCOUNTS: Final = frozenset(
    {"www-data", "anonymous", "ftp", "apache", "nobody", "guest", "nginx", "web", "www"}
)
_WARNED: Final = re.compile(rf"\b(?:{'|'.join(sorted(_ACCOUNTS))}) set sender to\b", re.IGNORECASE)


@check(
    "service_accounts",
    symbols=(
        Symbol(
            "ENVFROM_SERVICE_ACCT", 1.0, "The envelope's sender is a service account", _GROUP, True
        ),
        Symbol("FROM_SERVICE_ACCT", 1.0, "From, Sender or Reply-To is a service account", _GROUP),
        Symbol("XAW_SERVICE_ACCT", 1.0, "A service account set the sender", _GROUP, True),
        Symbol("WWW_DOT_DOMAIN", 0.5, "The sender is at a www host", _GROUP, True),
    ),
)
def service_accounts(task: Task) -> list[Finding]:
    """Local parts that services run under, and www hosts as mail domains."""
    message = task.message
    found: list[Finding] = []
    envelope = envelope_sender(task)
    if envelope is not None and envelope.local.lower() in _ACCOUNTS:
        found.append(Finding("ENVFROM_SERVICE_ACCT"))
    shown = (*header_senders(task)[:1], *message.sender[:1], *message.reply_to[:1])
    for one in shown:
        if one.domain and one.local.lower() in _ACCOUNTS:
            found.append(Finding("FROM_SERVICE_ACCT"))
            break
    if "x-authentication-warning" in message.header_names and any(
        _WARNED.search(f.value) for f in message.get_all("x-authentication-warning")
    ):
        found.append(Finding("XAW_SERVICE_ACCT"))
    if (envelope is not None and envelope.domain.startswith("www.")) or _shows_www(message):
        found.append(Finding("WWW_DOT_DOMAIN"))
    return found


def _shows_www(message: Message) -> bool:
    for name in ("from", "sender", "reply-to"):
        for field in message.get_all(name):
            if "@www." in field.value.lower():
                return True
    return False
