"""The records that should stand in DNS, read from a JSON document.

    {"format": 1, "domains": [...], "resolvers": [ADDRESS...], "mta_sts": {DOMAIN: POLICY},
     "records": [{"name", "type", "ttl", "value", "reason", "domain", "rivals"}]}

A name has no final dot, a TXT value is the plain text however long. `rivals` says which other
records of the name and type cannot stand beside it: "" none may, a text: those that begin so, null:
any may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import orjson
from dns.rdtypes.ANY.TXT import TXT

FORMAT = 1
MAX_SIZE = 4 * 1024 * 1024
"""Octets of a document that is read."""
MAX_RECORDS = 10_000
MAX_STRING = 255
"""Octets of one string of a TXT record (RFC 1035, section 3.3)."""


class DocumentError(ValueError):
    """The document cannot be used; the text names file, place and what is wrong."""


@dataclass(frozen=True)
class Record:
    """One record that should stand."""

    name: str
    type: str
    ttl: int
    value: str
    reason: str
    domain: str
    rivals: str | None
    rdata: dns.rdata.Rdata

    @property
    def strings(self) -> tuple[str, ...]:
        """A TXT's strings, of at most 255 octets each; of other types its data as one."""
        if isinstance(self.rdata, TXT):
            return tuple(string.decode() for string in self.rdata.strings)
        return (self.rdata.to_text(),)

    @property
    def line(self) -> str:
        """As a zone file has it, absolute (RFC 1035, section 5.1)."""
        return f"{self.name}. {self.ttl} IN {self.type} {self.rdata.to_text()}"


@dataclass
class RecordSet:
    """The records of one name and type."""

    name: str
    type: str
    records: list[Record] = field(default_factory=list)

    @property
    def texts(self) -> dict[str, Record]:
        """Comparable data to record."""
        return {comparable(record.rdata): record for record in self.records}

    def competes(self, text: str) -> bool:
        """Whether data that is answered cannot stand beside these records."""
        rivals = {record.rivals for record in self.records} - {None}
        return any(text.lower().startswith(rival) for rival in rivals if rival is not None)


@dataclass(frozen=True)
class Document:
    """All of it."""

    records: tuple[Record, ...]
    resolvers: tuple[str, ...]
    mta_sts: Mapping[str, str]

    def sets(self) -> list[RecordSet]:
        """Records by name and type, in the document's order."""
        found: dict[tuple[str, str], RecordSet] = {}
        for record in self.records:
            key = (record.name, record.type)
            found.setdefault(key, RecordSet(*key)).records.append(record)
        return list(found.values())

    def of(self, domains: Iterable[str]) -> Document:
        """Only what serves these domains or hosts. Raises DocumentError for an unknown one."""
        wanted = {name.rstrip(".").lower() for name in domains}
        if not wanted:
            return self
        known = {record.domain for record in self.records}
        if missing := sorted(wanted - known):
            raise DocumentError(
                f"no records of {missing[0]}; there are: {', '.join(sorted(known))}"
            )
        return Document(
            tuple(record for record in self.records if record.domain in wanted),
            self.resolvers,
            {domain: text for domain, text in self.mta_sts.items() if domain in wanted},
        )


def comparable(rdata: dns.rdata.Rdata) -> str:
    """Data in the form that two records are compared in: strings of a TXT joined, names lower."""
    if isinstance(rdata, TXT):
        return b"".join(rdata.strings).decode("ascii", "backslashreplace")
    return rdata.to_text().lower()


def read_document(path: Path) -> Document:
    """Read a document. Raises DocumentError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror}") from error
    if len(raw) > MAX_SIZE:
        raise DocumentError(f"{path}: longer than {MAX_SIZE} octets")
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    try:
        return _document(data)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from error


def _document(data: Any) -> Document:
    shape = f'expected {{"format": {FORMAT}, "records": [...]}}'
    if not isinstance(data, dict):
        raise DocumentError(f"not an object; {shape}")
    if "format" not in data:
        raise DocumentError(f"format is missing; {shape}")
    if data["format"] != FORMAT:
        raise DocumentError(f"format {data['format']!r} is not known; this program reads {FORMAT}")
    if not isinstance(data.get("records"), list):
        raise DocumentError(f"records is missing, or no list; {shape}")
    if len(data["records"]) > MAX_RECORDS:
        raise DocumentError(f"more than {MAX_RECORDS} records")
    resolvers = data.get("resolvers", [])
    policies = data.get("mta_sts", {})
    try:
        for address in resolvers:
            ip_address(address)
    except (ValueError, TypeError) as error:
        raise DocumentError(f"resolvers: {error}") from error
    if not isinstance(policies, dict):
        raise DocumentError("mta_sts is not an object")
    return Document(
        tuple(_record(one, f"record {number}") for number, one in enumerate(data["records"], 1)),
        tuple(resolvers),
        {str(domain): str(text) for domain, text in policies.items()},
    )


def _record(data: Any, where: str) -> Record:
    texts = ("name", "type", "value")
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in texts):
        raise DocumentError(f"{where}: name, type and value are needed, each a text")
    name, kind, value = data["name"].rstrip(".").lower(), data["type"].upper(), data["value"]
    ttl, rivals = data.get("ttl"), data.get("rivals")
    if ttl is None:
        raise DocumentError(f"{where} ({name} {kind}): ttl is missing: write seconds, as in 3600")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl < 2**31:
        raise DocumentError(f"{where} ({name} {kind}): ttl is {ttl!r}, not a number of seconds")
    if rivals is not None and not isinstance(rivals, str):
        raise DocumentError(f"{where} ({name} {kind}): rivals is neither a text nor null")
    try:
        dns.name.from_text(f"{name}.")
    except (dns.exception.DNSException, ValueError) as error:
        raise DocumentError(f"{where} ({name} {kind}): {error}") from error
    try:
        rdata = _rdata(kind, value)
    except (dns.exception.DNSException, ValueError) as error:
        raise DocumentError(f"{where} ({name} {kind}): {_form(kind)}{error}") from error
    return Record(
        name,
        kind,
        ttl,
        value,
        str(data.get("reason", "")),
        str(data.get("domain") or name),
        rivals,
        rdata,
    )


_FORMS: Final = {
    "MX": "MX needs a preference and a host, as in 10 mx.example.net.",
    "A": "A needs an IPv4 address",
    "AAAA": "AAAA needs an IPv6 address",
    "TLSA": "TLSA needs usage, selector, matching type and digest, as in 3 1 1 0123...",
    "CAA": 'CAA needs flags, tag and value, as in 0 issue "ca.example"',
    "SRV": "SRV needs priority, weight, port and host, as in 0 1 465 mx.example.net.",
    "TXT": "TXT needs ASCII",
}


def _form(kind: str) -> str:
    """How a value of the type is written; empty for types that are rare here."""
    return f"{_FORMS[kind]}: " if kind in _FORMS else ""


def _rdata(kind: str, value: str) -> dns.rdata.Rdata:
    if kind == "TXT":
        octets = value.encode("ascii")
        pieces = range(0, len(octets), MAX_STRING)
        strings = [octets[start : start + MAX_STRING] for start in pieces] or [b""]
        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), value)
