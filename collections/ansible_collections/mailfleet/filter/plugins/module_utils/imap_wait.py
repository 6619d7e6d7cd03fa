"""Waits until a message is in a mailbox, over IMAP with TLS (RFC 9051)."""

from __future__ import annotations

import email.parser
import email.policy
import imaplib
import re
import ssl
import time
from dataclasses import dataclass

POLL_SECONDS = 0.5
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)", re.IGNORECASE)


class DeliveryError(Exception):
    """The message did not arrive in time, or the mailbox could not be read."""


@dataclass(frozen=True)
class Mailbox:
    """Where to look; `timeout` in seconds for the whole wait."""

    host: str
    port: int
    username: str
    password: str
    mailbox: str
    context: ssl.SSLContext
    timeout: float


@dataclass(frozen=True)
class Delivery:
    """What arrived: header fields in order, sizes in octets, and the seconds it took."""

    headers: list[tuple[str, str]]
    size: int
    body_size: int
    seconds: float


def wait_for(mailbox: Mailbox, message_id: str) -> Delivery:
    """Return the message with that Message-ID; raises `DeliveryError` after the time."""
    if not message_id or any(sign in message_id for sign in '"\\\r\n\0'):
        raise DeliveryError(f"message id {message_id!r} cannot be searched for")
    began = time.monotonic()
    deadline = began + mailbox.timeout
    last: BaseException | None = None
    while time.monotonic() < deadline:
        try:
            found = _look(mailbox, message_id, deadline)
        except imaplib.IMAP4.error as error:
            # A wrong password or mailbox does not get better by waiting.
            raise DeliveryError(f"IMAP at {mailbox.host}:{mailbox.port}: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(f"TLS to {mailbox.host}:{mailbox.port}: {error}") from error
        except OSError as error:
            last = error
            time.sleep(min(POLL_SECONDS, max(deadline - time.monotonic(), 0)))
            continue
        if found is not None:
            header, size = found
            headers = _fields(header)
            return Delivery(headers, size, size - len(header), time.monotonic() - began)
    reason = f"; last: {last}" if last else ""
    raise DeliveryError(
        f"{message_id} was not in {mailbox.mailbox} of {mailbox.username} within"
        f" {mailbox.timeout:g} s{reason}"
    )


def _look(mailbox: Mailbox, message_id: str, deadline: float) -> tuple[bytes, int] | None:
    """Poll on one connection until the message is there (header, size) or time is up (None)."""
    remaining = max(deadline - time.monotonic(), 0.1)
    imap = imaplib.IMAP4_SSL(
        mailbox.host, mailbox.port, ssl_context=mailbox.context, timeout=remaining
    )
    try:
        imap.login(mailbox.username, mailbox.password)
        quoted = '"' + mailbox.mailbox.replace("\\", "\\\\").replace('"', '\\"') + '"'
        status, data = imap.select(quoted, readonly=True)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{mailbox.mailbox}: {_text(data)}")
        while True:
            _, data = imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')
            uids = data[0].split() if data and data[0] else []
            if uids:
                return _fetch(imap, uids[-1].decode())
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)
            imap.noop()
    finally:
        try:
            imap.logout()
        except (OSError, imaplib.IMAP4.error):
            imap.shutdown()


def _fetch(imap: imaplib.IMAP4, uid: str) -> tuple[bytes, int]:
    _, data = imap.uid("FETCH", uid, "(RFC822.SIZE BODY.PEEK[HEADER])")
    # The size may stand before or after the literal, RFC 9051 leaves the order to the server.
    found = _SIZE.search(b" ".join(p[0] if isinstance(p, tuple) else p for p in data if p))
    header = next((part[1] for part in data if isinstance(part, tuple)), None)
    if found is None or header is None:
        raise imaplib.IMAP4.error(f"the answer to FETCH cannot be read: {_text(data)}")
    return header, int(found[1])


def _fields(header: bytes) -> list[tuple[str, str]]:
    parsed = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(header)
    return [(name, str(value)) for name, value in parsed.items()]


def _text(data: object) -> str:
    return str(data)[:200]
