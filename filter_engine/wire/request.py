"""Request headers of the scan protocol, to and from an ``Envelope``.

Source: Rspamd's protocol documentation. Names are case-insensitive; unknown headers are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from filter_engine.scan.envelope import Envelope
from filter_engine.wire.limits import MAX_RCPTS
from filter_engine.wire.text import octets

_SINGLE = {
    b"ip": "ip",
    b"helo": "helo",
    b"hostname": "hostname",
    b"user": "user",
    b"queue-id": "queue_id",
    b"mta-name": "mta_name",
    b"mta-tag": "mta_tag",
    b"deliver-to": "deliver_to",
    b"tls-cipher": "tls_cipher",
    b"tls-version": "tls_version",
    b"user-agent": "user_agent",
    b"settings-id": "settings_id",
}
"""Header -> field of the envelope, for headers with one plain value."""

_SHOWN = {
    "ip": "IP",
    "helo": "Helo",
    "hostname": "Hostname",
    "user": "User",
    "queue_id": "Queue-ID",
    "mta_name": "MTA-Name",
    "mta_tag": "MTA-Tag",
    "deliver_to": "Deliver-To",
    "tls_cipher": "TLS-Cipher",
    "tls_version": "TLS-Version",
    "user_agent": "User-Agent",
    "settings_id": "Settings-ID",
}

_FLAG_HEADERS = {
    (b"pass", b"all"): "pass_all",
    (b"log", b"no"): "no_log",
    (b"milter", b"yes"): "milter",
    (b"url-format", b"extended"): "ext_urls",
}
"""Headers that say the same as a word in Flags."""
_SAY_FLAGS = frozenset(name for name, _ in _FLAG_HEADERS)

_NOT_FORWARDED = frozenset(
    (
        *(*_SINGLE, b"from", b"rcpt", b"flags", b"pass", b"log", b"milter", b"url-format"),
        *(b"host", b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer"),
        *(b"content-length", b"content-type", b"content-encoding", b"compression", b"expect"),
        *(b"upgrade", b"accept", b"accept-encoding", b"authorization", b"password", b"key"),
    )
)
"""Headers that say something about one connection, or that the envelope says."""


def parse_envelope(headers: Iterable[tuple[bytes, bytes]], peer: str | None = None) -> Envelope:
    """The envelope a request's headers describe; names must be in lower case.

    Recipients beyond ``MAX_RCPTS`` are not kept. ``peer`` is the client's address.
    """
    headers = tuple(headers)
    fields: dict[str, Any] = {}
    rcpts: list[str] = []
    flags: set[str] = set()
    for name, value in headers:
        field = _SINGLE.get(name)
        if field is not None:
            text = _text(value)
            fields[field] = text or None
        elif name == b"from":
            fields["mail_from"] = without_brackets(_text(value))
        elif name == b"rcpt":
            text = _text(value)
            if "," in text:
                rcpts.extend(_addresses(text))
            elif text:
                rcpts.append(without_brackets(text))
        elif name == b"flags":
            flags.update(word.strip().lower() for word in _text(value).split(",") if word.strip())
        elif name in _SAY_FLAGS:
            flag = _FLAG_HEADERS.get((name, value.strip().lower()))
            if flag is not None:
                flags.add(flag)
    if (hostname := fields.get("hostname")) is not None and hostname.lower() == "unknown":
        fields["hostname"] = None
    return Envelope(
        **fields,
        rcpt_to=tuple(rcpts[:MAX_RCPTS]),
        flags=frozenset(flags),
        peer=peer,
        request_headers=headers,
    )


def envelope_headers(envelope: Envelope) -> Iterator[tuple[bytes, bytes]]:
    """The request headers that describe an envelope; no value can end its line."""
    for field, name in _SHOWN.items():
        value = getattr(envelope, field)
        if value is not None:
            yield name.encode("ascii"), _octets(value)
    if envelope.mail_from is not None:
        yield b"From", _octets(f"<{envelope.mail_from}>")
    for rcpt in envelope.rcpt_to:
        yield b"Rcpt", _octets(f"<{rcpt}>")
    if "milter" in envelope.flags:
        yield b"Milter", b"Yes"
    for known, octets_of in envelope.request_headers:
        if known not in _NOT_FORWARDED:
            yield known, octets_of
    others = sorted(envelope.flags - {"milter"})
    if others:
        yield b"Flags", _octets(",".join(others))


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "surrogateescape")


def _octets(value: str) -> bytes:
    # A control character in an address would end the header: it becomes a question mark.
    if not value.isprintable():
        value = "".join("?" if c < " " or c == "\x7f" else c for c in value)
    return octets(value)


def without_brackets(text: str) -> str:
    """An address without angle brackets; ``<>`` and nothing are the null sender."""
    if text[:1] == "<" and text[-1:] == ">":
        return text[1:-1].strip()
    return text


def _addresses(text: str) -> Iterator[str]:
    """Addresses separated by commas outside quotes and brackets."""
    start = 0
    quoted = bracketed = escaped = False
    for position, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "<>":
            bracketed = char == "<"
        elif char == "," and not quoted and not bracketed:
            if address := text[start:position].strip():
                yield without_brackets(address)
            start = position + 1
    if address := text[start:].strip():
        yield without_brackets(address)
