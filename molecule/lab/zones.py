"""Zone files of the lab's Internet: the private root, every mail domain, the reverse zones.

Pure: from internet.yml, the site and the public DKIM keys to text in master file format
(RFC 1035, section 5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from lab.dnssec import ds_record
from lab.internet import Internet, MailDomain, Server
from lab.site import Site

TTL = 60
NEGATIVE_TTL = 2  # seconds a resolver remembers that a name is missing: records appear at run time
_STRING = 255  # octets in one character-string (RFC 1035, section 3.3)


@dataclass
class Zone:
    """One zone: its origin, absolute, and its records as (owner, type, rdata)."""

    origin: str
    of_site: bool = False
    """Whether the site's operator may change it (RFC 2136)."""
    records: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        return f"{self.origin.rstrip('.') or 'root'}.zone"

    def add(self, owner: str, kind: str, rdata: str) -> None:
        record = (absolute(owner), kind, rdata)
        if record not in self.records:
            self.records.append(record)

    def text(self) -> str:
        lines = [f"$TTL {TTL}\n"]
        lines += [f"{owner} {kind} {rdata}\n" for owner, kind, rdata in self.records]
        return "".join(lines)


def absolute(name: str) -> str:
    return f"{name.rstrip('.')}."


def txt(value: str) -> str:
    """Rdata of a TXT record: quoted strings of at most 255 octets each."""
    octets = value.encode()
    parts = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)] or [b""]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, parts).to_text()


def spf_record(addresses: Iterable[str], ending: str) -> str:
    """An SPF record that lists addresses (RFC 7208, section 5.6)."""
    mechanisms = [f"ip{6 if ':' in address else 4}:{address}" for address in addresses]
    return " ".join(["v=spf1", *mechanisms, ending])


class ZoneSet:
    """All zones of one lab, each record in the zone it belongs to."""

    def __init__(self, root_server: str, domains: Iterable[str]) -> None:
        self._root_server = absolute(root_server)
        self.zones: dict[str, Zone] = {}
        self._zone(".")
        for domain in domains:
            self._zone(absolute(domain))

    def _zone(self, origin: str) -> Zone:
        if origin not in self.zones:
            zone = self.zones[origin] = Zone(origin)
            contact = f"hostmaster.{self._root_server}"
            timers = f"1 3600 600 86400 {NEGATIVE_TTL}"
            zone.add(origin, "SOA", f"{self._root_server} {contact} {timers}")
            zone.add(origin, "NS", self._root_server)
            if origin != ".":
                self.zones["."].add(origin, "NS", self._root_server)
        return self.zones[origin]

    def zone_of(self, name: str) -> Zone:
        """The deepest zone that holds a name; the name's parent becomes one if there is none."""
        labels = absolute(name).split(".")
        for cut in range(len(labels) - 1):
            origin = ".".join(labels[cut:])
            if origin in self.zones:
                return self.zones[origin]
        return self._zone(".".join(labels[1:]))

    def add(self, owner: str, kind: str, rdata: str) -> None:
        self.zone_of(owner).add(owner, kind, rdata)

    def add_addresses(self, name: str, addresses: Iterable[str]) -> None:
        for address in addresses:
            self.add(name, "AAAA" if ":" in address else "A", address)

    def add_reverse(self, address: str, name: str) -> None:
        """A PTR record, in the reverse zone of the address's documentation range."""
        parsed = ipaddress.ip_address(address)
        labels = parsed.reverse_pointer.split(".")
        cut = 1 if parsed.version == 4 else 24  # /24 (RFC 5737), /32 (RFC 3849)
        self._zone(absolute(".".join(labels[cut:]))).add(
            parsed.reverse_pointer, "PTR", absolute(name)
        )


def render_zones(
    internet: Internet, site: Site, dkim_keys: Mapping[tuple[str, str], bytes], zone_key: bytes
) -> list[Zone]:
    """Every zone of the lab, unsigned, with the DS records for the one key that signs them all.

    `dkim_keys`: (mail domain of the Internet, selector) -> value of its record; `zone_key`: rdata
    of a DNSKEY record.
    """
    zones = ZoneSet(internet.root_server.name, [*internet.domains, *site.domains])
    zones.add_addresses(internet.root_server.name, [internet.root_server.address])
    zones.zones["."].add(internet.root_server.name, "A", internet.root_server.address)
    _add_server(zones, internet.host)
    for server in internet.servers.values():
        _add_server(zones, server)
    for domain, facts in internet.domains.items():
        servers = [internet.servers[name] for name in facts.servers]
        _add_mail_domain(zones, domain, servers, facts)
        for selector in facts.dkim:
            record = dkim_keys[domain, selector].decode()
            zones.add(f"{selector}._domainkey.{domain}", "TXT", txt(record))
    _add_site(zones, site)
    bogus = {absolute(domain) for domain, facts in internet.domains.items() if facts.bogus}
    for origin in zones.zones.keys() - {"."}:
        delegation = ds_record(origin, zone_key, bogus=origin in bogus)
        zones.zones["."].add(origin, "DS", delegation)
    return list(zones.zones.values())


def _add_server(zones: ZoneSet, server: Server) -> None:
    if server.forward:
        zones.add_addresses(server.fqdn, server.addresses)
    if server.reverse:
        for address in server.addresses:
            zones.add_reverse(address, server.fqdn)


def _add_mail_domain(zones: ZoneSet, domain: str, servers: list[Server], facts: MailDomain) -> None:
    for server in servers:
        if server.forward:
            zones.add(domain, "MX", f"10 {absolute(server.fqdn)}")
            if facts.spf:
                zones.add(server.fqdn, "TXT", txt(f"v=spf1 a {facts.spf}"))
    if facts.spf:
        addresses = [address for server in servers for address in server.addresses]
        zones.add(domain, "TXT", txt(spf_record(addresses, facts.spf)))
    if facts.dmarc:
        zones.add(f"_dmarc.{domain}", "TXT", txt(facts.dmarc))
    for name, values in facts.text.items():
        for value in values:
            zones.add(domain if name == "@" else f"{name}.{domain}", "TXT", txt(value))


def _add_site(zones: ZoneSet, site: Site) -> None:
    """The names of the hosts, as their provider sets them; the rest the site publishes."""
    for host in site.hosts:
        _add_server(zones, Server(host.fqdn, host.addresses))
        for address in host.addresses:
            zones.zone_of(ipaddress.ip_address(address).reverse_pointer).of_site = True
        zones.zone_of(host.fqdn).of_site = True
    for domain in site.domains:
        zones.zone_of(domain).of_site = True
