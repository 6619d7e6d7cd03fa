"""Single headers: what their presence, spelling or encoding tells."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.addresses import header_recipients, header_senders, same, smtp_address
from filter_engine.message.address import parse_addresses
from filter_engine.message.header import HeaderField
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_FILTERS = ("upstream_spam_filters",)
_HOSTS = ("compromised_hosts",)
_PRIORITY: Final = re.compile(r"\s?(\d{1,9})")
_PRIORITIES: Final = ((5, "FIVE"), (3, "THREE"), (2, "TWO"), (1, "ONE"), (0, "ZERO"))
_UNIQUE: Final = {
    "Content-Type": 1.0,
    "Content-Transfer-Encoding": 1.0,
    "Date": 0.1,
    "From": 1.0,
    "Sender": 1.0,
    "Reply-To": 1.0,
    "To": 0.2,
    "Cc": 0.1,
    "Bcc": 0.1,
    "Message-ID": 0.7,
    "In-Reply-To": 0.7,
    "References": 0.3,
    "Subject": 0.7,
}
"""Fields that RFC 5322, section 3.6 and RFC 2045 allow once, and how much a second one weighs."""
_UNIQUE_KEYS: Final = frozenset(map(str.lower, _UNIQUE))
_PLAIN_BYTES: Final = b"\t\n\r" + bytes(range(ord(" "), ord("~") + 1))
"""What a header may have as it is (RFC 5322, section 2.2): printable characters and blanks."""
_ENCODED: Final = re.compile(rb"=\?[^\s?]{1,64}\?([BbQq])\?")
_NEED: Final = (
    ("subject", "SUBJECT_NEEDS_ENCODING"),
    ("from", "FROM_NEEDS_ENCODING"),
    ("to", "TO_NEEDS_ENCODING"),
)
_EXCESS: Final = (
    ("from", "FROM"),
    ("to", "TO"),
    ("reply-to", "REPLYTO"),
    ("cc", "CC"),
    ("subject", "SUBJ"),
)
_SPAM_FLAGS: Final = ("x-spam-flag", "x-spam", "x-spam-status")


@check(
    "has_x_prio",
    module="headers",
    symbols=(
        Symbol("HAS_X_PRIO_ZERO", 0.0, "X-Priority is 0", _HEADERS),
        Symbol("HAS_X_PRIO_ONE", 0.0, "X-Priority is 1", _HEADERS),
        Symbol("HAS_X_PRIO_TWO", 0.0, "X-Priority is 2", _HEADERS),
        Symbol("HAS_X_PRIO_THREE", 0.0, "X-Priority is 3 or 4", _HEADERS),
        Symbol("HAS_X_PRIO_FIVE", 0.0, "X-Priority is 5 or more", _HEADERS),
    ),
)
def has_x_prio(task: Task) -> list[Finding]:
    """The number X-Priority begins with."""
    text = task.message.text("x-priority")
    number = None if text is None else _PRIORITY.match(text)
    if number is None:
        return []
    value = int(number.group(1))
    name = next(name for least, name in _PRIORITIES if value >= least)
    return [Finding(f"HAS_X_PRIO_{name}", (str(value),))]


@check(
    "header_presence",
    module="headers",
    symbols=(
        Symbol("HAS_LIST_UNSUB", -0.01, "There is a List-Unsubscribe header", _HEADERS, True),
        Symbol("HAS_ORG_HEADER", 0.0, "There is an Organization header", _HEADERS, True),
        Symbol("HAS_XOIP", 0.0, "There is an X-Originating-IP header", _HEADERS),
        Symbol("HAS_XAW", 0.0, "There is an X-Authentication-Warning header", _HOSTS),
        Symbol("HAS_X_ANTIABUSE", 0.0, "There are X-AntiAbuse headers", _HOSTS, True),
        Symbol("HAS_X_POS", 0.0, "There is an X-PHP-Originating-Script header", _HOSTS),
        Symbol("HAS_X_PHP_SCRIPT", 0.0, "There is an X-PHP-Script header", _HOSTS, True),
        Symbol("HAS_X_SOURCE", 0.0, "There are X-Source headers", _HOSTS, True),
        Symbol("PRECEDENCE_BULK", 0.0, "The mail is marked as bulk", _FILTERS, True),
        Symbol("SPAM_FLAG", 5.0, "The mail was marked as spam before", _FILTERS),
        Symbol("XM_CASE", 0.5, "X-Mailer is spelled X-mailer", _HEADERS),
        Symbol(
            "MULTIPLE_UNIQUE_HEADERS", 7.0, "A header twice that may be there once", _HEADERS, True
        ),
    ),
)
def header_presence(task: Task) -> list[Finding]:
    """Headers that say something by being there."""
    message = task.message
    present = message.header_names
    found: list[Finding] = []
    telling = _TELLING.intersection(present)
    if telling:
        found += [Finding(symbol) for symbol, names in _PRESENT if not telling.isdisjoint(names)]
    if "precedence" in present and any(
        "bulk" in field.value.lower() for field in message.get_all("precedence")
    ):
        found.append(Finding("PRECEDENCE_BULK"))
    for name in _SPAM_FLAGS:
        if name in present and any(
            field.value.lower().startswith(("yes", "true")) for field in message.get_all(name)
        ):
            found.append(Finding("SPAM_FLAG"))
            break
    for field in message.get_all("x-mailer"):
        if field.name == "X-mailer":
            found.append(Finding("XM_CASE"))
            break
    if not _UNIQUE_KEYS.isdisjoint(message.repeated):
        repeated = [name for name in _UNIQUE if name.lower() in message.repeated]
        weight = max(_UNIQUE[name] for name in repeated)
        counted = ", ".join(f"{name} {len(message.get_all(name))} times" for name in repeated)
        found.append(Finding("MULTIPLE_UNIQUE_HEADERS", (",".join(repeated),), weight, counted))
    return found


_PRESENT: Final = (
    ("HAS_LIST_UNSUB", ("list-unsubscribe",)),
    ("HAS_ORG_HEADER", ("organization", "organisation")),
    ("HAS_XOIP", ("x-originating-ip",)),
    ("HAS_XAW", ("x-authentication-warning",)),
    ("HAS_X_ANTIABUSE", ("x-antiabuse",)),
    ("HAS_X_POS", ("x-php-originating-script",)),
    ("HAS_X_PHP_SCRIPT", ("x-php-script",)),
    ("HAS_X_SOURCE", ("x-source", "x-source-args", "x-source-dir")),
)
_TELLING: Final = frozenset(name for _, names in _PRESENT for name in names)


@check(
    "header_encoding",
    module="headers",
    symbols=(
        Symbol(
            "SUBJECT_NEEDS_ENCODING", 1.0, "Unencoded bytes above 127 in Subject", _HEADERS, True
        ),
        Symbol("FROM_NEEDS_ENCODING", 1.0, "Unencoded bytes above 127 in From", _HEADERS, True),
        Symbol("TO_NEEDS_ENCODING", 1.0, "Unencoded bytes above 127 in To", _HEADERS, True),
        Symbol("FROM_EXCESS_BASE64", 1.5, "From is in base64 without need", ("excessb64",), True),
        Symbol("TO_EXCESS_BASE64", 1.5, "To is in base64 without need", ("excessb64",), True),
        Symbol(
            "REPLYTO_EXCESS_BASE64", 1.5, "Reply-To is in base64 without need", ("excessb64",), True
        ),
        Symbol("CC_EXCESS_BASE64", 1.5, "Cc is in base64 without need", ("excessb64",), True),
        Symbol(
            "SUBJ_EXCESS_BASE64", 1.5, "Subject is in base64 without need", ("excessb64",), True
        ),
        Symbol("FROM_EXCESS_QP", 1.2, "From is in Q encoding without need", ("excessqp",), True),
        Symbol("TO_EXCESS_QP", 1.2, "To is in Q encoding without need", ("excessqp",), True),
        Symbol(
            "REPLYTO_EXCESS_QP", 1.2, "Reply-To is in Q encoding without need", ("excessqp",), True
        ),
        Symbol("CC_EXCESS_QP", 1.2, "Cc is in Q encoding without need", ("excessqp",), True),
        Symbol("SUBJ_EXCESS_QP", 1.2, "Subject is in Q encoding without need", ("excessqp",), True),
    ),
)
def header_encoding(task: Task) -> list[Finding]:
    """Encoded words (RFC 2047) that are missing or needless."""
    found: list[Finding] = []
    for name, symbol in _NEED:
        fields = task.message.get_all(name)
        for field in fields:
            if field.unfolded.translate(None, _PLAIN_BYTES):
                if not _encodings(fields):
                    found.append(Finding(symbol))
                break
    present = task.message.header_names
    for name, prefix in _EXCESS:
        if name not in present:
            continue
        fields = task.message.get_all(name)
        encodings = _encodings(fields)
        if encodings and all(_is_plain(field.value) for field in fields):
            if b"B" in encodings:
                found.append(Finding(f"{prefix}_EXCESS_BASE64"))
            if b"Q" in encodings:
                found.append(Finding(f"{prefix}_EXCESS_QP"))
    return found


def _encodings(fields: tuple[HeaderField, ...]) -> set[bytes]:
    found: set[bytes] = set()
    for field in fields:
        if b"=?" in field.raw:
            found.update(map(bytes.upper, _ENCODED.findall(field.raw)))
    return found


def _is_plain(text: str) -> bool:
    return text.isascii() and not text.encode("ascii").translate(None, _PLAIN_BYTES)


@check(
    "read_confirmation",
    module="headers",
    symbols=(
        Symbol(
            "HEADER_RCONFIRM_MISMATCH", 2.0, "Reading is confirmed to another than From", _HEADERS
        ),
        Symbol("HEADER_FORGED_MDN", 2.0, "Receipts go to another than the sender", _HEADERS),
        Symbol("INFO_TO_INFO_LU", 2.0, "A list's mail from info@ to info@", _HEADERS),
    ),
)
def read_confirmation(task: Task) -> list[Finding]:
    """Where confirmations of reading go."""
    message = task.message
    found: list[Finding] = []
    senders = header_senders(task)
    asked = message.get("x-confirm-reading-to")
    if asked is not None and senders:
        targets = parse_addresses((asked,), message.note)
        if targets and targets[0].spelled and targets[0].spelled not in senders[0].spelled:
            found.append(Finding("HEADER_RCONFIRM_MISMATCH"))
    receipt = message.get("disposition-notification-to")
    if receipt is not None and task.envelope.mail_from:
        sender = smtp_address(task.envelope.mail_from)
        targets = parse_addresses((receipt,), message.note)
        if targets and not any(same(one.spelled, sender.spelled) for one in targets):
            found.append(Finding("HEADER_FORGED_MDN"))
    if message.get("list-unsubscribe") is not None and senders:
        recipients = header_recipients(task)
        if same(senders[0].local, "info") and any(same(r.local, "info") for r in recipients):
            found.append(Finding("INFO_TO_INFO_LU"))
    return found
