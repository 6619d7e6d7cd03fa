"""Received headers: how many hops, over TLS or not, and whether the mail was delivered before."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.checks.addresses import header_recipients
from filter_engine.checks.to_rules import count_name
from filter_engine.message.received import Received
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HEADERS = ("headers",)
_FIELDS: Final = 50
"""Received headers whose text is looked at."""
_LOOKED_AT: Final = 2000
"""Characters of each."""
_FOR: Final = re.compile(r"\sfor\s<(.*?)>")
_FROM_USER: Final = re.compile(r"\s*from\suser\s")
_HELO_USER: Final = re.compile(r"helo[\s=]user[\s)]")


def hops(task: Task) -> tuple[Received, ...]:
    """The trace fields, newest first; the connection itself is put before them unless it is there.

    The envelope's client is a hop of its own when the newest field names another address, which is
    the case where the MTA has not yet written its own field.
    """
    way: tuple[Received, ...] | None = task.shared.get("hops")
    if way is None:
        way = task.message.received
        if way and task.ip is not None and way[0].from_ip != str(task.ip):
            way = (connection(task), *way)
        task.shared["hops"] = way
    return way


def connection(task: Task) -> Received:
    """The client's connection as a trace field."""
    envelope = task.envelope
    return Received(
        from_hostname=envelope.hostname,
        real_hostname=envelope.hostname,
        from_ip=None if task.ip is None else str(task.ip),
        by_hostname=envelope.mta_name,
        ssl=bool(envelope.tls_cipher or "ssl" in envelope.flags),
        authenticated=envelope.user is not None,
    )


@check(
    "check_received",
    module="headers",
    symbols=(
        Symbol("RCVD_COUNT_ZERO", 0.0, "No Received header", _HEADERS),
        Symbol("RCVD_COUNT_ONE", 0.0, "One Received header", _HEADERS),
        Symbol("RCVD_COUNT_TWO", 0.0, "Two Received headers", _HEADERS),
        Symbol("RCVD_COUNT_THREE", 0.0, "3 or 4 Received headers", _HEADERS),
        Symbol("RCVD_COUNT_FIVE", 0.0, "5 or 6 Received headers", _HEADERS),
        Symbol("RCVD_COUNT_SEVEN", 0.0, "7 to 11 Received headers", _HEADERS),
        Symbol("RCVD_COUNT_TWELVE", 0.0, "12 Received headers or more", _HEADERS),
    ),
)
def check_received(task: Task) -> list[Finding]:
    """Number of hops: readable Received headers, and the connection if it is none of them."""
    number = len(hops(task))
    return [Finding(f"RCVD_COUNT_{count_name(min(number, 12))}", (str(number),))]


@check(
    "check_rcvd",
    module="headers",
    symbols=(
        Symbol("RCVD_TLS_ALL", 0.0, "Every hop used TLS", _HEADERS),
        Symbol("RCVD_TLS_LAST", 0.0, "The last hop used TLS, not all before it", _HEADERS),
        Symbol("RCVD_NO_TLS_LAST", 0.1, "The last hop did not use TLS", _HEADERS),
        Symbol("RCVD_VIA_SMTP_AUTH", 0.0, "A hop took the mail from a logged-in client", _HEADERS),
    ),
)
def check_rcvd(task: Task) -> list[Finding]:
    """TLS and SMTP AUTH along the way."""
    way = hops(task)
    if not way:
        return []
    found: list[Finding] = []
    is_safe, is_authenticated = True, False
    for hop in way:
        if not hop.ssl and hop.by_hostname and hop.by_hostname != "localhost":
            is_safe = False
        if hop.authenticated:
            is_authenticated = True
    if is_safe:
        found.append(Finding("RCVD_TLS_ALL"))
    else:
        last = way[1:] if way[0].by_hostname == "localhost" else way
        secure = bool(last) and last[0].ssl
        found.append(Finding("RCVD_TLS_LAST" if secure else "RCVD_NO_TLS_LAST"))
    if is_authenticated:
        found.append(Finding("RCVD_VIA_SMTP_AUTH"))
    return found


@check(
    "received_headers",
    module="headers",
    symbols=(
        Symbol("PREVIOUSLY_DELIVERED", 0.0, "Received for the recipient in the header", _HEADERS),
        Symbol("RCVD_HELO_USER", 3.0, "The client called itself user", _HEADERS),
        Symbol("RCVD_ILLEGAL_CHARS", 4.0, "Bytes above 127 in a Received header", _HEADERS, True),
    ),
)
def received_headers(task: Task) -> list[Finding]:
    """Marks in the text of the Received headers."""
    found: list[Finding] = []
    fields = task.message.get_all("received")
    values = [field.value[:_LOOKED_AT].lower() for field in fields[:_FIELDS]]
    for text in values:
        match = _FOR.search(text) if "<" in text else None
        if match is not None:
            address = match.group(1)
            if any(address == rcpt.spelled.lower() for rcpt in header_recipients(task)):
                found.append(Finding("PREVIOUSLY_DELIVERED", (address,)))
            break
    is_user = (task.envelope.helo or "").lower() == "user"
    for text in values:
        if "user" in text and (_FROM_USER.match(text) or _HELO_USER.search(text)):
            is_user = True
    if is_user:
        found.append(Finding("RCVD_HELO_USER"))
    for field in fields:
        if not field.raw.isascii():
            found.append(Finding("RCVD_ILLEGAL_CHARS"))
            break
    return found
