"""DNS from a table: answers for tests and conformance suites, at once and without network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dns.rdatatype
import dns.zone

from filter_engine.dns.names import to_wire
from filter_engine.dns.packet import name_text, record_value
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

MAX_ALIASES = 16
"""CNAME records followed for one question."""

Table = Mapping[str, Mapping[str, Iterable[Any]]]


class TableResolver:
    """Answers from ``{name: {type: records}}``, records as ``DnsAnswer`` holds them.

    A name or question in ``failing`` is answered TEMPFAIL. The parent of a known
    name exists (NODATA), all else is NXDOMAIN. ``asked`` lists every question in order.
    """

    def __init__(
        self, table: Table, *, failing: Iterable[str | DnsQuestion] = (), ttl: int = 300
    ) -> None:
        self._table = {
            name.rstrip(".").lower(): {rdtype: tuple(records) for rdtype, records in types.items()}
            for name, types in table.items()
        }
        self._failing = frozenset(failing)
        self._ttl = ttl
        self._exists = set(self._table)
        for name in tuple(self._exists):
            labels = name.split(".")
            self._exists.update(".".join(labels[i:]) for i in range(1, len(labels)))
        self.asked: list[DnsQuestion] = []

    @classmethod
    def from_zone(cls, text: str, origin: str = ".") -> TableResolver:
        """Read a zone file (RFC 1035, section 5); raises dnspython's errors for a bad one."""
        zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
        table: dict[str, dict[str, list[Any]]] = {}
        for name, _, rdata in zone.iterate_rdatas():
            rdtype = dns.rdatatype.to_text(rdata.rdtype)
            if rdtype in ("A", "AAAA", "MX", "TXT", "PTR", "CNAME", "NS", "SOA"):
                records = table.setdefault(name_text(name), {}).setdefault(rdtype, [])
                records.append(record_value(rdtype, rdata))
        return cls(table)

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        """Answer at once."""
        done(self.answer(question))

    def answer(self, question: DnsQuestion) -> DnsAnswer:
        """The answer to one question."""
        self.asked.append(question)
        if to_wire(question.name) is None:
            return DnsAnswer(question, DnsStatus.INVALID, detail="not a domain name")
        name = question.name
        for _ in range(MAX_ALIASES):
            if name in self._failing or DnsQuestion(name, question.rdtype) in self._failing:
                return DnsAnswer(question, DnsStatus.TEMPFAIL, detail="timeout")
            types = self._table.get(name)
            if types is None:
                status = DnsStatus.NODATA if name in self._exists else DnsStatus.NXDOMAIN
                return DnsAnswer(question, status, ttl=self._ttl)
            records = types.get(question.rdtype)
            if records:
                return DnsAnswer(question, DnsStatus.OK, records, self._ttl)
            if "CNAME" not in types:
                return DnsAnswer(question, DnsStatus.NODATA, ttl=self._ttl)
            (name,) = types["CNAME"]
        return DnsAnswer(question, DnsStatus.TEMPFAIL, detail="too many aliases")
