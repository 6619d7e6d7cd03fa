"""What is told of a mail, and in which form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from filter_engine.checks.export.options import ExportRule
from filter_engine.matching.pattern import parse_slashed

if TYPE_CHECKING:
    from filter_engine.scan.task import Task

_UNKNOWN: Final = "unknown"
_HEADERS: Final = ("from", "to", "subject", "date")
_MAX_VALUES: Final = 100
"""Values kept of a list: recipients, fields of one name."""
_MAX_TEXT: Final = 4096
"""Characters kept of a field."""
_NAME: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_BREAK: Final = re.compile(r"[\x00-\x1f\x7f]+")

_TEMPLATE: Final = """\
From: "Rspamd" <$mail_from>
To: $mail_to
Subject: Spam alert
Date: $date
MIME-Version: 1.0
Message-ID: <$our_message_id>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Authenticated username: $user
IP: $ip
Queue ID: $qid
SMTP FROM: $from
SMTP RCPT: $rcpt
MIME From: $header_from
MIME To: $header_to
MIME Date: $header_date
Subject: $header_subject
Message-ID: $message_id
Action: $action
Score: $score
Symbols: $symbols
"""
"""The fields are those of Rspamd's alert, so that what reads them reads both."""


def metadata(task: Task, *, content: bool = True) -> dict[str, Any]:
    """What is told of a mail, by Rspamd's names; ``content``: of its header too."""
    envelope, message, decision = task.envelope, task.message, task.decision
    found: dict[str, Any] = {
        "ip": _UNKNOWN if task.ip is None else str(task.ip),
        "user": envelope.user or _UNKNOWN,
        "qid": envelope.queue_id or _UNKNOWN,
        "subject": (message.subject or _UNKNOWN)[:_MAX_TEXT],
        "action": decision.action.value,
        "rspamd_server": task.server,
        "score": round(decision.score, 4),
        "fuzzy": [],
        "rcpt": list(envelope.rcpt_to[:_MAX_VALUES]) or _UNKNOWN,
        "from": envelope.mail_from or _UNKNOWN,
        "symbols": [
            {
                "name": symbol.name,
                "score": round(symbol.score, 4),
                "group": symbol.group,
                "options": list(symbol.options),
            }
            for symbol in decision.symbols
        ],
    }
    if content:
        for name in _HEADERS:
            fields = message.get_all(name)[:_MAX_VALUES]
            values = [field.value[:_MAX_TEXT] for field in fields]
            found[f"header_{name}"] = values or _UNKNOWN
        found["message_id"] = message.message_id or _UNKNOWN
    return found


def as_json(told: Mapping[str, Any]) -> bytes:
    """``told`` in one line of ASCII."""
    return json.dumps(told, separators=(",", ":")).encode()


def alert(task: Task, rule: ExportRule, targets: tuple[str, ...], number: str) -> bytes:
    """The mail of the formatter ``email_alert``, lines ended by CRLF."""
    from email.utils import formatdate  # dear to import, and few sites send alerts

    told = {name: _in_a_line(value) for name, value in metadata(task).items()}
    told |= {
        "symbols": "\n\t".join(
            _in_a_line(f"{symbol.name}({symbol.score:.2f})")
            + (f" [{_in_a_line(', '.join(symbol.options))}]" if symbol.options else "")
            for symbol in task.decision.symbols
        ),
        "score": f"{task.decision.score:.2f}",
        "mail_from": rule.mail_from,
        "mail_to": ", ".join(f"<{target}>" for target in targets),
        "our_message_id": f"{number}@{task.server}",
        "date": formatdate(task.now),
    }
    text = _NAME.sub(
        lambda match: told.get(match[1] or match[2], match[0]), rule.email_template or _TEMPLATE
    )
    return re.sub(r"\r?\n", "\r\n", text).encode("utf-8", "replace")


def _in_a_line(value: object) -> str:
    """A value as text that breaks no line: what comes from a mail adds no header to the alert."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _BREAK.sub(" ", text)


def multipart(task: Task) -> tuple[bytes, str]:
    """JSON and the message as one form (RFC 7578), and its type."""
    told, raw = as_json(metadata(task)), task.message.raw
    boundary = hashlib.blake2b(told + raw, digest_size=16).hexdigest()  # no part can foresee it
    parts = (("metadata", "application/json", told), ("message", "message/rfc822", raw))
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: {type_}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, type_, data in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def headers(task: Task, rule: ExportRule) -> bytes:
    """The header alone; the whole message where In-Reply-To matches ``id_regexp``."""
    message = task.message
    if rule.id_regexp:
        answered = message.get("in-reply-to")
        pattern = parse_slashed(rule.id_regexp).regex
        if answered is not None and pattern.search(answered.value.encode("utf-8", "replace")):
            return message.raw
    return message.raw[: len(message.raw) - len(message.body)]
