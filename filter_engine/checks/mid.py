"""Message-ID: its form, and whose domain it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from filter_engine.checks.addresses import header_recipients, header_senders
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section
from filter_engine.dns.names import organisational_domain
from filter_engine.message.charset import decode_header_bytes
from filter_engine.message.quoted import strip_comments
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = ("Message ID",)
_LOOKED_AT: Final = 1000
"""Characters; a line of a header has no more (RFC 5322, section 2.1.1)."""
_BARE_IP: Final = re.compile(r"@\d+\.\d+\.\d+\.\d+>$")
_NOT_FQDN: Final = re.compile(r"@[^.]+>?$")
_BRACKETS: Final = re.compile(r"<[^>]+>")
_IP_LITERAL: Final = re.compile(r"@\[\d+\.\d+\.\d+\.\d+\]")
_RIGHT_SIDE: Final = re.compile(r"@([^>]+)>?$")
_SANE: Final = re.compile(
    r"<?[^<>\\ \t\n\r\v\x80-\U0010ffff]+@[^<>\\ \t\n\r\v\x80-\U0010ffff]+>?\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MidOptions(Section):
    """The section ``mid``: Rspamd has options here, this engine none."""

    anchor: ClassVar[str] = "modules/mid"
    known: ClassVar[Mapping[str, Option]] = unserved("mid")


@check(
    "mid",
    options=MidOptions,
    symbols=(
        Symbol("MISSING_MID", 2.5, "There is no Message-ID", ("headers",), True),
        Symbol("INVALID_MSGID", 1.7, "The Message-ID is malformed", ("headers",), True),
        Symbol("MID_BARE_IP", 2.0, "The Message-ID ends with a bare address", _GROUP),
        Symbol("MID_RHS_NOT_FQDN", 0.5, "The Message-ID's domain has no dot", _GROUP),
        Symbol("MID_MISSING_BRACKETS", 0.5, "The Message-ID lacks its angle brackets", _GROUP),
        Symbol("MID_RHS_IP_LITERAL", 0.5, "The Message-ID's domain is an address literal", _GROUP),
        Symbol("MID_RHS_WWW", 0.5, "The Message-ID is of a www host", ("compromised_hosts",), True),
        Symbol("MID_CONTAINS_FROM", 1.0, "The Message-ID holds the From address", _GROUP),
        Symbol("MID_RHS_MATCH_FROM", 0.0, "The Message-ID has From's domain", _GROUP),
        Symbol("MID_RHS_MATCH_FROMTLD", 0.0, "The Message-ID has From's organisation", _GROUP),
        Symbol("MID_CONTAINS_TO", 1.0, "The Message-ID holds the To address", _GROUP),
        Symbol("MID_RHS_MATCH_TO", 1.0, "The Message-ID has To's domain", _GROUP),
    ),
)
def check_mid(task: Task) -> list[Finding]:
    """Form of the Message-ID, and its domain beside those of From and To."""
    field = task.message.get("message-id")
    if field is None:
        return [Finding("MISSING_MID")]
    mid = field.value[:_LOOKED_AT]
    found: list[Finding] = []
    if "(" in mid:
        mid = decode_header_bytes(strip_comments(mid.encode("utf-8", "replace"))).strip()
    if _SANE.fullmatch(mid) is None:
        found.append(Finding("INVALID_MSGID"))
    if _BARE_IP.search(mid):
        found.append(Finding("MID_BARE_IP"))
    if _NOT_FQDN.search(mid):
        found.append(Finding("MID_RHS_NOT_FQDN"))
    if _BRACKETS.fullmatch(mid) is None:
        found.append(Finding("MID_MISSING_BRACKETS"))
    if _IP_LITERAL.search(mid):
        found.append(Finding("MID_RHS_IP_LITERAL"))
    lowered = mid.lower()
    if "@www." in lowered:
        found.append(Finding("MID_RHS_WWW"))
    return found + _domains(task, lowered)


def _domains(task: Task, mid: str) -> list[Finding]:
    """Whose domain the Message-ID (in lower case) has."""
    found: list[Finding] = []
    right = _RIGHT_SIDE.search(mid)
    domain = right.group(1) if right is not None else None
    senders = header_senders(task)
    from_domain = senders[0].domain if senders else ""
    if from_domain:
        if senders[0].spelled.lower() in mid:
            found.append(Finding("MID_CONTAINS_FROM"))
        elif domain == from_domain:
            found.append(Finding("MID_RHS_MATCH_FROM"))
        elif domain and organisational_domain(domain) == organisational_domain(from_domain):
            found.append(Finding("MID_RHS_MATCH_FROMTLD"))
    recipients = header_recipients(task)
    to_domain = recipients[0].domain if recipients else ""
    if to_domain and to_domain != from_domain:
        if recipients[0].spelled.lower() in mid:
            found.append(Finding("MID_CONTAINS_TO"))
        elif domain == to_domain:
            found.append(Finding("MID_RHS_MATCH_TO"))
    return found
