"""DNS messages (RFC 1035, section 4.1): queries as bytes, replies judged and read.

Queries and negative replies are handled on the bytes, because a scan asks some forty questions and
most answers are negative; positive replies are read by dnspython.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from filter_engine.dns.library import dns
from filter_engine.dns.names import to_wire
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus, dns_answer

UDP_SIZE = 1232
"""Largest reply asked for over UDP (EDNS; the size that is not fragmented)."""

_TYPES = {
    name: dns.rdatatype.from_text(name).to_bytes(2, "big") + b"\x00\x01"
    for name in ("A", "AAAA", "MX", "TXT", "PTR", "CNAME", "NS", "SOA")
}
"""Type -> the end of its question section."""
_SOA = 6
HEAD_EDNS = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"  # RD; one question, OPT
_HEAD_PLAIN = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
OPT = b"\x00\x00\x29" + UDP_SIZE.to_bytes(2, "big") + b"\x00" * 6
HEADER = 12
"""Octets before the question."""
_NO_NAME = DnsStatus.NXDOMAIN
NO_NAME, NO_RECORD = "no such name", "no record"
"""Details of answers that say that something is missing."""
_NO_EDNS = (int(dns.rcode.FORMERR), int(dns.rcode.NOTIMP))
_MAX_SECTION = 256


class UnusableReplyError(Exception):
    """The reply answers the question and cannot be read."""


def question_bytes(question: DnsQuestion) -> bytes | None:
    """The question section; None when the name or type cannot be asked."""
    name, rdtype = question
    end = _TYPES.get(rdtype)
    wire = to_wire(name)
    return None if end is None or wire is None else wire + end


def query_tail(question: bytes, *, edns: bool = True) -> bytes:
    """All of a recursive query with that question section that follows its two octets of id."""
    if edns:
        return HEAD_EDNS + question + OPT
    return _HEAD_PLAIN + question


class ReplyHead(NamedTuple):
    """What the first twelve octets of a reply say."""

    truncated: bool
    rcode: int
    answers: int

    @property
    def refuses_edns(self) -> bool:
        """The server does not understand the OPT record (RFC 6891, section 7)."""
        return refuses_edns(self.rcode)


def refuses_edns(rcode: int) -> bool:
    """Whether a server of that rcode may not know the OPT record (RFC 6891, section 7)."""
    return rcode in _NO_EDNS


def is_reply(data: bytes) -> bool:
    """Whether a datagram may be a reply to a query."""
    return len(data) >= HEADER and data[2] & 0xF8 == 0x80


def is_whole(data: bytes) -> bool:
    """Whether a datagram of ``HEADER`` octets or more is a reply to one question, not truncated."""
    return data[2] & 0xFA == 0x80 and data[4:6] == b"\0\1"


def reply_head(data: bytes, question: bytes) -> ReplyHead | None:
    """The head of a reply; None unless it repeats exactly our question (RFC 5452, section 4.2).

    A server that refuses EDNS may leave the question out.
    """
    count = data[4] << 8 | data[5]
    head = ReplyHead(bool(data[2] & 0x02), data[3] & 0x0F, data[6] << 8 | data[7])
    if count == 0 and head.refuses_edns:
        return head
    # Lower-casing touches no length octet: those are below 64, capitals are 65 to 90.
    if count != 1 or data[HEADER : HEADER + len(question)].lower() != question.lower():
        return None
    return head


ABSENCES: Final = {
    bytes((0x80 | flags, more | int(rcode), 0, 1, 0, 0)): status
    for flags in (0x00, 0x01, 0x04, 0x05)  # AA, RD
    for more in range(0, 0x100, 0x10)  # RA, Z, AD, CD
    for rcode, status in (
        (dns.rcode.NXDOMAIN, DnsStatus.NXDOMAIN),
        (dns.rcode.NOERROR, DnsStatus.NODATA),
    )
}
"""What the third to the eighth octet say of a reply to one question that is whole, gives no
answers and so says that there are none (RFC 1035, section 4.1.1)."""
_RECORD: Final = struct.Struct(">HHIH").unpack_from
"""Type, class, TTL and length of a record's data."""
_LAST: Final = struct.Struct(">I").unpack_from
_LEAST_SOA: Final = 22
"""Octets of a SOA's data: two names and five numbers."""
_POINTER: Final = 0xC0
"""The least octet that begins a name written elsewhere (RFC 1035, section 4.1.4)."""
_MAX_TTL: Final = 0x7FFFFFFF


def negative_answer(
    data: bytes, question: DnsQuestion, asked: bytes, status: DnsStatus
) -> DnsAnswer:
    """The answer of a reply without answer records (NXDOMAIN or NODATA); its TTL comes from the
    SOA: the lesser of that record's own and of its last field, 0 without one (RFC 2308)."""
    at = HEADER + len(asked)
    ttl = 0
    try:
        for _ in range(_MAX_SECTION if data[8] else data[9]):
            length = data[at]
            at = at + 1 if not length else at + 2 if length >= _POINTER else _skip_name(data, at)
            rdtype, _, own, length = _RECORD(data, at)
            at += 10 + length
            if rdtype == _SOA and length >= _LEAST_SOA:
                least: int = _LAST(data, at - 4)[0]
                ttl = own if own < least else least
                break
    except (IndexError, struct.error):
        ttl = 0  # it is cut off
    if ttl > _MAX_TTL:
        ttl = _MAX_TTL
    return dns_answer((question, status, (), ttl, NO_NAME if status is _NO_NAME else NO_RECORD))


def _skip_name(data: bytes, at: int) -> int:
    """Where the name ends that begins ``at``."""
    while at < len(data):
        length = data[at]
        if length >= _POINTER:
            return at + 2
        if not length:
            return at + 1
        at += 1 + length
    return len(data)


def positive_answer(data: bytes, question: DnsQuestion) -> tuple[DnsAnswer, str | None]:
    """The answer of a reply with records, and the alias that is still to be asked, if any.

    Aliases inside the reply are followed (RFC 1034, section 3.6.2), sixteen at most. Raises
    UnusableReplyError for a reply that cannot be read.
    """
    try:
        message = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
        if not isinstance(message, dns.message.QueryMessage):
            raise UnusableReplyError("no reply to a query")
        chain = message.resolve_chaining()
    except (dns.exception.DNSException, ValueError, NotImplementedError) as error:
        raise UnusableReplyError(str(error) or type(error).__name__) from error
    ttl = min(chain.minimum_ttl, 0x7FFFFFFF)
    if chain.answer is not None:
        records = tuple(record_value(question.rdtype, rdata) for rdata in chain.answer)
        return DnsAnswer(question, DnsStatus.OK, records, ttl), None
    status = (
        DnsStatus.NXDOMAIN if message.rcode() == dns.rcode.NXDOMAIN else DnsStatus.NODATA
    )  # RFC 6604, section 3: the rcode speaks of the last name of the chain
    if any(rrset.rdtype == _SOA for rrset in message.authority):
        return DnsAnswer(question, status, ttl=ttl, detail=NO_RECORD), None
    if chain.cnames and status is DnsStatus.NODATA:
        return DnsAnswer(question, status, ttl=ttl), name_text(chain.canonical_name)
    return DnsAnswer(question, status, detail=NO_RECORD), None


def name_text(name: dns.name.Name) -> str:
    """A name in lower case without final dot; the root is ``""``."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def record_value(rdtype: str, rdata: Any) -> Any:
    """The value of one record as ``DnsAnswer.records`` holds it."""
    match rdtype:
        case "A" | "AAAA":
            return rdata.address
        case "TXT":
            return b"".join(rdata.strings)
        case "MX":
            return rdata.preference, name_text(rdata.exchange)
        case "SOA":
            return name_text(rdata.mname)
        case _:
            return name_text(rdata.target)
