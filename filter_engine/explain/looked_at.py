"""What a check looked at, of findings that do not say so themselves.

A text made for each finding would cost every mail time that only ``explain`` has a use for: most
checks look at the same headers always, and those are shown from the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from filter_engine.scan.plan import Plan
from filter_engine.scan.task import Task

MAX_FIELDS: Final = 3
"""Fields of one name that are shown."""
MAX_LENGTH: Final = 160
"""Characters of a value."""

_SENDERS: Final = ("From", "@from")
_RECIPIENTS: Final = ("To", "Cc", "@rcpt")
_MAILER: Final = ("User-Agent", "X-Mailer", "Message-ID")

CHECKS: Final[Mapping[str, tuple[str, ...]]] = {
    "arc": ("ARC-Seal", "ARC-Message-Signature"),
    "bounce": ("From", "@from", "Subject", "Content-Type"),
    "chartable": ("Subject", "@parts"),
    "check_from": (*_SENDERS, "To"),
    "check_mime": ("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "@parts"),
    "check_rcvd": ("Received",),
    "check_received": ("Received", "@rcpt"),
    "check_replyto": ("Reply-To", "From", "To"),
    "check_to_cc": _RECIPIENTS,
    "date": ("Date", "Received"),
    "dkim": ("DKIM-Signature",),
    "dmarc": ("From",),
    "email_plus_aliases": ("@from", "@rcpt"),
    "forged_mua": _MAILER,
    "forged_recipients": (*_SENDERS, *_RECIPIENTS),
    "forwarding": ("@rcpt", "To", "Received"),
    "from_display_name": ("From",),
    "from_header": ("From",),
    "has_x_prio": ("X-Priority",),
    "hfilter": ("@ip", "@hostname", "@helo", "@from"),
    "hfilter_url": ("@parts",),
    "maillist": ("List-Id", "List-Unsubscribe", "List-Post", "Precedence", "Mailing-List"),
    "mailer": _MAILER,
    "mid": ("Message-ID", "From", "To"),
    "mime_parts": ("Content-Type", "@parts"),
    "mime_types": ("@parts",),
    "once_received": ("Received",),
    "read_confirmation": ("Disposition-Notification-To", "Return-Receipt-To", "From", "To"),
    "received_headers": ("Received",),
    "reply_to_yahoo": ("Reply-To",),
    "service_accounts": ("From", "@from", "Reply-To"),
    "signed_and_encrypted": ("Content-Type", "@parts"),
    "spf": ("@ip", "@from", "@helo"),
    "spoof_replyto": ("Reply-To", "From"),
    "subject": ("Subject",),
    "to_header": ("To",),
}
"""Check -> names of headers, or a word with ``@``: who sent it, or how it is built."""

SYMBOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "CC_EXCESS_BASE64": ("Cc",),
    "CC_EXCESS_QP": ("Cc",),
    "FROM_EXCESS_BASE64": ("From",),
    "FROM_EXCESS_QP": ("From",),
    "FROM_NEEDS_ENCODING": ("From",),
    "HAS_LIST_UNSUB": ("List-Unsubscribe",),
    "HAS_ORG_HEADER": ("Organization", "Organisation"),
    "HAS_XAW": ("X-Authentication-Warning",),
    "HAS_XOIP": ("X-Originating-IP",),
    "HAS_X_ANTIABUSE": ("X-AntiAbuse",),
    "HAS_X_PHP_SCRIPT": ("X-PHP-Script",),
    "HAS_X_POS": ("X-PHP-Originating-Script",),
    "HAS_X_SOURCE": ("X-Source", "X-Source-Args", "X-Source-Dir"),
    "PRECEDENCE_BULK": ("Precedence",),
    "REPLYTO_EXCESS_BASE64": ("Reply-To",),
    "REPLYTO_EXCESS_QP": ("Reply-To",),
    "SPAM_FLAG": ("X-Spam-Flag", "X-Spam", "X-Spam-Status"),
    "SUBJECT_NEEDS_ENCODING": ("Subject",),
    "SUBJ_EXCESS_BASE64": ("Subject",),
    "SUBJ_EXCESS_QP": ("Subject",),
    "TO_EXCESS_BASE64": ("To",),
    "TO_EXCESS_QP": ("To",),
    "TO_NEEDS_ENCODING": ("To",),
    "XM_CASE": ("X-Mailer",),
}
"""The same for symbols of checks that look at something else for each."""


class LookedAt:
    """Answers for one message."""

    def __init__(self, task: Task, plan: Plan) -> None:
        self._task = task
        self._check_of = {
            symbol: check for check, symbols in plan.symbols.items() for symbol in symbols
        }
        self._shown: dict[str, str] = {}

    def check_of(self, symbol: str) -> str:
        """The check that sets a symbol; empty for a composite, or one of settings and rules."""
        return self._check_of.get(symbol, "")

    def by(self, symbol: str) -> str:
        """What was looked at for a symbol; empty when nobody says."""
        places = SYMBOLS.get(symbol) or CHECKS.get(self.check_of(symbol), ())
        return "; ".join(text for text in map(self._place, places) if text)

    def _place(self, place: str) -> str:
        shown = self._shown.get(place)
        if shown is None:
            shown = self._named(place) if place.startswith("@") else self._header(place)
            self._shown[place] = shown
        return shown

    def _header(self, name: str) -> str:
        fields = self._task.message.get_all(name)
        if not fields:
            return f"no {name}"
        shown = [_short(field.value) for field in fields[:MAX_FIELDS]]
        more = len(fields) - len(shown)
        return f"{name}: {' | '.join(shown)}{f' | and {more} more' if more else ''}"

    def _named(self, place: str) -> str:
        envelope, message = self._task.envelope, self._task.message
        if place == "@parts":
            parts = message.parts
            kinds = [_short(str(part.content_type)) for part in parts[: 2 * MAX_FIELDS]]
            more = len(parts) - len(kinds)
            return f"parts: {', '.join(kinds)}{f' and {more} more' if more else ''}"
        if place == "@rcpt":
            return f"envelope recipients: {_listed(envelope.rcpt_to)}"
        if place == "@from":
            sender = envelope.mail_from
            return f"envelope sender: {'unknown' if sender is None else f'<{_short(sender)}>'}"
        if place == "@ip":
            return f"client: {_short(envelope.ip or 'local')}"
        if place == "@helo":
            return f"HELO: {_short(envelope.helo or 'unknown')}"
        return f"host name: {_short(envelope.hostname or 'unknown')}"


def _listed(texts: Iterable[str]) -> str:
    found = [_short(text) for text in texts]
    more = len(found) - MAX_FIELDS
    shown = ", ".join(found[:MAX_FIELDS]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


def _short(text: str) -> str:
    flat = " ".join(text[: 4 * MAX_LENGTH].split())
    return flat if len(flat) <= MAX_LENGTH else flat[: MAX_LENGTH - 3] + "..."
