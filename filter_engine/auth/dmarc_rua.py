"""Where reports go: ``rua`` and ``ruf`` read, and foreign addresses asked whether they agree.

RFC 7489, sections 6.2 (URIs with a size), 7.1 (authorisation of others).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from filter_engine.auth.dmarc_record import DmarcRecord, DmarcSyntaxError, is_record, parse_record
from filter_engine.dns.names import is_hostname, organisational_domain, to_ascii
from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.question import Ask

MAX_ADDRESSES: Final = 10
"""Addresses of one record that get reports (section 6.2: at least two)."""

_URI: Final = re.compile(r"mailto:([^!?]{3,400})(?:\?[^!]*)?(?:!([0-9]{1,12})([kmgt]?))?\Z", re.I)
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")
_FACTORS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@frozen
class ReportAddress:
    """Somebody who wants reports."""

    address: str
    limit: int | None = None
    """Octets of the mail that it takes at most."""

    @property
    def host(self) -> str:
        """The address's domain."""
        return self.address.rpartition("@")[2]


def report_address(uri: str) -> ReportAddress | None:
    """Read one URI; None for what is no ``mailto:`` to one plain address."""
    found = _URI.match(uri.strip())
    if found is None:
        return None
    local, at, domain = unquote(found[1]).rpartition("@")
    host = to_ascii(domain) if at else None
    if host is None or not is_hostname(host) or not _LOCAL.match(local):
        return None
    limit = int(found[2]) * _FACTORS[found[3].lower()] if found[2] else None
    return ReportAddress(f"{local}@{host}", limit)


def report_addresses(uris: Sequence[str]) -> tuple[ReportAddress, ...]:
    """All that can be used, each once."""
    found = (report_address(uri) for uri in uris[: 4 * MAX_ADDRESSES])
    return tuple(dict.fromkeys(one for one in found if one is not None))[:MAX_ADDRESSES]


async def authorised(
    ask: Ask, domain: str, record: DmarcRecord
) -> tuple[tuple[ReportAddress, ...], tuple[str, ...]]:
    """Who gets the reports about ``domain``, and why others do not (section 7.1)."""
    wanted = report_addresses(record.aggregate)
    own = organisational_domain(domain)
    foreign = [one.host for one in wanted if organisational_domain(one.host) != own]
    hosts = list(dict.fromkeys(foreign))
    names = [f"{domain}._report._dmarc.{host}" for host in hosts]
    answers = await ask.all(*(ask.dns(name, "TXT") for name in names)) if names else ()
    agreed: dict[str, tuple[ReportAddress, ...] | None] = {}
    refused: list[str] = []
    for host, answer in zip(hosts, answers, strict=True):
        records = [text for text in answer.records if is_record(text)]
        if records:
            agreed[host] = _instead(records[0], host)
        else:
            said = f"DNS failed: {answer.detail}" if answer.failed else "it does not say so in DNS"
            refused.append(f"{host} takes no reports about {domain}: {said}")
    chosen: list[ReportAddress] = []
    for one in wanted:
        if organisational_domain(one.host) == own:
            chosen.append(one)
        elif one.host in agreed:
            chosen.extend(agreed[one.host] or (one,))
    return tuple(dict.fromkeys(chosen))[:MAX_ADDRESSES], tuple(refused)


def _instead(text: bytes, host: str) -> tuple[ReportAddress, ...] | None:
    """The addresses at the same host that the record names instead (section 7.1, step 6)."""
    try:
        named = report_addresses(parse_record(text).aggregate)
    except DmarcSyntaxError:
        return None
    return tuple(one for one in named if one.host == host) or None
