"""Reads the records of ordinary positive replies from their bytes (RFC 1035, section 4.1.3).

Ordinary is: every answer record has the asked name, type and class, and the names in it are
of letters, digits, ``-`` and ``_``. The rest is left to dnspython, which takes ten times as long.
"""

from __future__ import annotations

import re
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import Any

from filter_engine.dns.names import MAX_NAME
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

_MAX_RECORDS = 64
_MAX_POINTERS = 16
_HEADER = 12
_ASKED = b"\xc0\x0c"
"""A pointer to the question's name, which is how servers write the owner."""
_TXT = b"\x00\x10"
_PLAIN_NAME = re.compile(rb"[A-Za-z0-9_.-]*\Z")


def ordinary_answer(
    data: bytes, question: DnsQuestion, asked: bytes, answers: int
) -> DnsAnswer | None:
    """The answer of a reply with rcode NOERROR whose question has been checked.

    ``asked`` is its question section. None for a reply that is not ordinary, or broken.
    """
    if answers > _MAX_RECORDS or question.rdtype not in _READERS:
        return None
    read = _READERS[question.rdtype]
    kind = asked[-4:]
    at = _HEADER + len(asked)
    ttl = 0x7FFFFFFF
    records: dict[object, Any] = {}
    for _ in range(answers):
        end = at + 12 + int.from_bytes(data[at + 10 : at + 12])
        if data[at : at + 2] != _ASKED or data[at + 2 : at + 6] != kind or end > len(data):
            return None
        ttl = min(ttl, int.from_bytes(data[at + 6 : at + 10]))  # none of them has the sign bit
        if data[at + 6] & 0x80:
            return None
        value = read(data, at + 12, end)
        if value is None:
            return None
        # The same record twice is one; texts that are split differently are two.
        records[data[at + 12 : end] if kind[:2] == _TXT else value] = value
        at = end
    return DnsAnswer(question, DnsStatus.OK, tuple(records.values()), ttl)


def _ipv4(data: bytes, at: int, end: int) -> str | None:
    return inet_ntoa(data[at:end]) if end - at == 4 else None


def _ipv6(data: bytes, at: int, end: int) -> str | None:
    return inet_ntop(AF_INET6, data[at:end]) if end - at == 16 else None


def _text(data: bytes, at: int, end: int) -> bytes | None:
    strings = []
    while at < end:
        stop = at + 1 + data[at]
        if stop > end:
            return None
        strings.append(data[at + 1 : stop])
        at = stop
    return b"".join(strings) if strings else None


def _exchange(data: bytes, at: int, end: int) -> tuple[int, str] | None:
    name = _name(data, at + 2, end) if end - at > 2 else None
    return None if name is None else (data[at] << 8 | data[at + 1], name)


def _name(data: bytes, at: int, end: int) -> str | None:
    """The name that fills ``data[at:end]``, in lower case without final dot (RFC 1035, 4.1.4)."""
    labels: list[bytes] = []
    limit = end
    size = 0
    pointers = 0
    while at < limit:
        length = data[at]
        if length >= 0xC0:
            if (not pointers and at + 2 != end) or pointers == _MAX_POINTERS or at + 2 > limit:
                return None
            pointers += 1
            limit, at = at, (length & 0x3F) << 8 | data[at + 1]
            continue
        if length >= 0x40:
            return None
        at += 1
        if not length:
            plain = b".".join(labels)
            if (not pointers and at != end) or not _PLAIN_NAME.match(plain):
                return None
            # A dot within a label is no separator.
            return plain.decode().lower() if plain.count(b".") == max(len(labels) - 1, 0) else None
        size += length + 1
        if size >= MAX_NAME or at + length > limit:
            return None
        labels.append(data[at : at + length])
        at += length
    return None


_READERS = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "TXT": _text,
    "MX": _exchange,
    "PTR": _name,
    "NS": _name,
    "CNAME": _name,
}
