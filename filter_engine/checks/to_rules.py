"""To and Cc: how many recipients, how they are written, and how they fit the envelope."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from filter_engine.checks.addresses import envelope_recipients, header_recipients, same
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_COUNTS: Final = (
    (50, "GT_50"),
    (12, "TWELVE"),
    (7, "SEVEN"),
    (5, "FIVE"),
    (3, "THREE"),
    (2, "TWO"),
    (1, "ONE"),
    (0, "ZERO"),
)
_RECIPIENT_FIELDS: Final = frozenset({"to", "cc", "bcc"})
_LIST_SIZE: Final = 7
"""Recipients that make a list worth looking at."""
_COMMON_BEGIN: Final = 3
# An empty group (RFC 5322, appendix A.1.3), as programs spell its name, quoted or in brackets.
_UNDISCLOSED: Final = re.compile(
    r"""["<]?undisclosed(?: |-)recipient(?:s\b|\b).*:""", re.IGNORECASE
)
_WRAPPED: Final = re.compile(rb"<\s[\w.-]+@[\w.-]+\s>")


def count_name(number: int) -> str:
    """How the count symbols call a number: ONE, TWO, THREE (3 and 4), FIVE, SEVEN, ..."""
    for least, name in _COUNTS:
        if number >= least:
            return name
    raise ValueError(f"{number} is no count")


@check(
    "check_to_cc",
    module="headers",
    symbols=(
        Symbol("RCPT_COUNT_ZERO", 0.0, "No recipient in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_ONE", 0.0, "One recipient in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_TWO", 0.0, "Two recipients in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_THREE", 0.0, "3 or 4 recipients in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_FIVE", 0.0, "5 or 6 recipients in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_SEVEN", 0.0, "7 to 11 recipients in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_TWELVE", 0.0, "12 to 49 recipients in To and Cc", _HEADERS),
        Symbol("RCPT_COUNT_GT_50", 0.0, "50 recipients or more in To and Cc", _HEADERS),
        Symbol("TO_DN_RECIPIENTS", 2.0, "A recipient is named Recipient(s)", _HEADERS),
        Symbol("TO_DN_NONE", 0.0, "No recipient has a display name", _HEADERS),
        Symbol("TO_DN_ALL", 0.0, "Every recipient has a display name", _HEADERS),
        Symbol("TO_DN_SOME", 0.0, "Some recipients have a display name", _HEADERS),
        Symbol("TO_DN_EQ_ADDR_ALL", 0.0, "Every display name repeats its address", _HEADERS),
        Symbol("TO_DN_EQ_ADDR_SOME", 0.0, "Some display names repeat their address", _HEADERS),
        Symbol("TO_MATCH_ENVRCPT_ALL", 0.0, "Every recipient is in the envelope", _HEADERS),
        Symbol("TO_MATCH_ENVRCPT_SOME", 0.0, "Some recipients are in the envelope", _HEADERS),
    ),
)
def check_to_cc(task: Task) -> list[Finding]:
    """Number, names and envelope match of the header's recipients."""
    if _RECIPIENT_FIELDS.isdisjoint(task.message.header_names):
        return []
    recipients = header_recipients(task)
    total = len(recipients)
    found = [Finding(f"RCPT_COUNT_{count_name(total)}", (str(total),))]
    envelope = [rcpt.spelled.lower() for rcpt in envelope_recipients(task) if rcpt.spelled]
    named = repeating = matching = 0
    for recipient in recipients:
        name = recipient.display
        if name and name.lower() in ("recipient", "recipients"):
            found.append(Finding("TO_DN_RECIPIENTS"))
        if name and same(name, recipient.spelled):
            repeating += 1
        elif name:
            named += 1
        matching += envelope.count(recipient.spelled.lower())
    if named == repeating == 0:
        found.append(Finding("TO_DN_NONE"))
    elif named == total:
        found.append(Finding("TO_DN_ALL"))
    elif named:
        found.append(Finding("TO_DN_SOME"))
    if repeating == total:
        found.append(Finding("TO_DN_EQ_ADDR_ALL"))
    elif repeating:
        found.append(Finding("TO_DN_EQ_ADDR_SOME"))
    if matching == total:
        found.append(Finding("TO_MATCH_ENVRCPT_ALL"))
    elif matching:
        found.append(Finding("TO_MATCH_ENVRCPT_SOME"))
    return found


@check(
    "to_header",
    module="headers",
    symbols=(
        Symbol("MISSING_TO", 2.0, "There is no To header", _HEADERS, True),
        Symbol("R_UNDISC_RCPT", 3.0, "To says undisclosed recipients", _HEADERS, True),
        Symbol("INVALID_RCPT_8BIT", 6.0, "Bytes above 127 in a recipient's address", _HEADERS),
        Symbol("TO_WRAPPED_IN_SPACES", 2.0, "Blanks inside To's angle brackets", _HEADERS, True),
        Symbol("SUSPICIOUS_RECIPS", 1.5, "Recipients look generated: much alike", _HEADERS, True),
        Symbol("SORTED_RECIPS", 3.5, "The recipients are in alphabetical order", _HEADERS, True),
    ),
)
def to_header(task: Task) -> list[Finding]:
    """Presence and spelling of To, and lists of recipients that no person wrote."""
    found: list[Finding] = []
    fields = task.message.get_all("to")
    if not fields:
        found.append(Finding("MISSING_TO"))
    for field in fields:
        if ":" in field.value and _UNDISCLOSED.match(field.value):
            found.append(Finding("R_UNDISC_RCPT"))
            break
    for field in fields:
        if _WRAPPED.search(field.raw):
            found.append(Finding("TO_WRAPPED_IN_SPACES"))
            break
    recipients = [rcpt.spelled.lower() for rcpt in header_recipients(task)]
    if not all(map(str.isascii, recipients)):
        found.append(Finding("INVALID_RCPT_8BIT"))
    if len(recipients) >= _LIST_SIZE:
        if _alike(recipients):
            found.append(Finding("SUSPICIOUS_RECIPS"))
        if all(before < after for before, after in pairwise(recipients)):
            found.append(Finding("SORTED_RECIPS"))
    return found


def _alike(recipients: list[str]) -> bool:
    """Twice in the list, neighbours of one domain have one length and begin alike."""
    by_domain = sorted(
        (address for address in recipients if len(address) > _COMMON_BEGIN),
        key=lambda address: (len(address.rpartition("@")[2]), address.rpartition("@")[2]),
    )
    hits = sum(
        len(one) == len(other) and one[:_COMMON_BEGIN] == other[:_COMMON_BEGIN]
        for one, other in pairwise(by_domain)
    )
    return hits >= 2
