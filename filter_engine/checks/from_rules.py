"""The From header: its form, its display name, and how it fits the envelope and the recipients."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.addresses import (
    envelope_recipients,
    envelope_sender,
    header_recipients,
    header_senders,
    same,
)
from filter_engine.message.address import Address, parse_mailbox
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_TITLE: Final = re.compile(r"(mrs?|dr)[.\s]")
_TWO_BLANKS: Final = re.compile(r"\s\s")
_NO_SPACE: Final = re.compile(rb"\S<[-\w.]+@[-\w.]+>")


@check(
    "check_from",
    module="headers",
    symbols=(
        Symbol("ENVFROM_INVALID", 2.0, "The envelope's sender is no valid address", _HEADERS),
        Symbol("FROM_INVALID", 2.0, "The From header holds no valid address", _HEADERS),
        Symbol("FROM_NO_DN", 0.0, "From has no display name", _HEADERS),
        Symbol("FROM_DN_EQ_ADDR", 1.0, "From's display name repeats its address", _HEADERS),
        Symbol("FROM_HAS_DN", 0.0, "From has a display name", _HEADERS),
        Symbol("FROM_NAME_EXCESS_SPACE", 1.0, "Doubled blanks in From's display name", _HEADERS),
        Symbol(
            "FROM_NAME_HAS_TITLE", 1.0, "From's display name begins with Mr, Mrs or Dr", _HEADERS
        ),
        Symbol("FROM_EQ_ENVFROM", 0.0, "From and the envelope's sender are the same", _HEADERS),
        Symbol("FROM_NEQ_ENVFROM", 0.0, "From and the envelope's sender differ", _HEADERS),
        Symbol("TO_EQ_FROM", 0.0, "The only recipient is the sender", _HEADERS),
        Symbol("TO_DOM_EQ_FROM_DOM", 0.0, "The only recipient is in the sender's domain", _HEADERS),
    ),
)
def check_from(task: Task) -> list[Finding]:
    """Form of the sender's address and name, and whether envelope and recipient match it."""
    found: list[Finding] = []
    envelope = envelope_sender(task)
    senders = header_senders(task)
    if envelope is not None and not envelope.valid:
        found.append(Finding("ENVFROM_INVALID"))
    if not senders:
        return found
    sender = senders[0]
    if not sender.valid:
        found.append(Finding("FROM_INVALID"))
    found += _display_name(sender)
    if envelope is not None:
        if same(envelope.spelled, sender.spelled):
            found.append(Finding("FROM_EQ_ENVFROM"))
        elif envelope.spelled:
            found.append(Finding("FROM_NEQ_ENVFROM", (sender.spelled, envelope.spelled)))
    recipients = header_recipients(task)
    if len(recipients) == 1:
        if same(recipients[0].spelled, sender.spelled):
            found.append(Finding("TO_EQ_FROM"))
        elif sender.domain and recipients[0].domain == sender.domain:
            found.append(Finding("TO_DOM_EQ_FROM_DOM"))
    return found


def _display_name(sender: Address) -> list[Finding]:
    name = sender.display
    if not name:
        return [Finding("FROM_NO_DN")]
    if same(name, sender.spelled):
        return [Finding("FROM_DN_EQ_ADDR")]
    found = [Finding("FROM_HAS_DN")]
    lowered = name.lower()
    title = _TITLE.match(lowered)
    if title is not None:
        found.append(Finding("FROM_NAME_HAS_TITLE", (title.group(1),)))
    if _TWO_BLANKS.search(lowered):
        found.append(Finding("FROM_NAME_EXCESS_SPACE"))
    return found


def title_of(sender: Address) -> str | None:
    """The title a display name begins with, in lower case."""
    title = _TITLE.match((sender.display or "").lower())
    return None if title is None else title.group(1)


@check(
    "from_display_name",
    module="headers",
    symbols=(
        Symbol("SPOOF_DISPLAY_NAME", 8.0, "From's name shows an address of your domain", _HEADERS),
        Symbol("FROM_NEQ_DISPLAY_NAME", 4.0, "From's name shows another address", _HEADERS),
    ),
)
def display_name(task: Task) -> list[Finding]:
    """An address in the display name that is not the sender's."""
    senders = header_senders(task)
    if not senders or "@" not in (senders[0].display or ""):
        return []
    sender = senders[0]
    shown = parse_mailbox((sender.display or "").encode("utf-8", "replace"))
    if "." not in shown.domain or shown.domain == sender.domain:
        return []
    options = (sender.domain, shown.domain)
    recipients = (*header_recipients(task), *envelope_recipients(task))
    if any(recipient.domain == shown.domain for recipient in recipients):
        return [Finding("SPOOF_DISPLAY_NAME", options)]
    return [Finding("FROM_NEQ_DISPLAY_NAME", options)]


@check(
    "from_header",
    module="headers",
    symbols=(
        Symbol("MISSING_FROM", 2.0, "There is no From header, or an empty one", _HEADERS),
        Symbol("MULTIPLE_FROM", 8.0, "Several addresses in From", _HEADERS),
        Symbol("INVALID_FROM_8BIT", 6.0, "Bytes above 127 in the From address", _HEADERS),
        Symbol(
            "R_NO_SPACE_IN_FROM", 1.0, "No blank between From's name and address", _HEADERS, True
        ),
    ),
)
def from_header(task: Task) -> list[Finding]:
    """Presence, number and spelling of the From address."""
    found: list[Finding] = []
    field = task.message.get("from")
    if field is None or not field.unfolded:
        return [Finding("MISSING_FROM")]
    senders = task.message.from_addresses
    if len(senders) > 1:
        found.append(Finding("MULTIPLE_FROM", tuple(f"<{one.spelled}>" for one in senders[:20])))
    if senders and not senders[0].spelled.isascii():
        found.append(Finding("INVALID_FROM_8BIT"))
    if any(_NO_SPACE.search(one.raw) for one in task.message.get_all("from")):
        found.append(Finding("R_NO_SPACE_IN_FROM"))
    return found
