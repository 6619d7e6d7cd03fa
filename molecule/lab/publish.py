"""Publishing records in the lab's DNS while it runs, by dynamic update (RFC 2136)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab.errors import LabError
from lab.internet_services import SCRIPTS
from lab.lab import Lab
from lab.zones import TTL, txt


def publish(lab: Lab, zone: str, rrset: dns.rrset.RRset) -> None:
    """Put an RRset into a zone of the lab, in place of the one of that name and type.

    An empty RRset removes it. Answers change at once on the authoritative server; a resolver may
    remember the old one for its time to live, a missing name for zones.NEGATIVE_TTL seconds.
    Raises LabError when the server refuses (zone unknown, name outside the zone).
    """
    origin = dns.name.from_text(zone)
    order = {
        "zone": origin.to_text(),
        "name": rrset.name.derelativize(origin).to_text(),
        "type": dns.rdatatype.to_text(rrset.rdtype),
        "ttl": rrset.ttl,
        "values": [rdata.to_text() for rdata in rrset],
    }
    script = ["python3", f"{SCRIPTS}/dns_update.py"]
    done = lab.ssh.run(lab.internet.name, script, stdin=json.dumps(order))
    rcode = done.stdout.decode().strip()
    if rcode != "NOERROR":
        raise LabError(f"{order['name']} {order['type']} in zone {order['zone']}: {rcode}")


def publish_records(lab: Lab, zone: str, records: Sequence[dict[str, Any]]) -> None:
    """Publish records given as `{name, type, value}`, the form of `dkim_keys_records`.

    A TXT value is the plain string, however long. Records of one name and type form one RRset.
    """
    rrsets: dict[tuple[dns.name.Name, str], dns.rrset.RRset] = {}
    for record in records:
        if not {"name", "type", "value"} <= record.keys():
            raise LabError(f"a record needs name, type and value: {record!r}")
        name, kind = dns.name.from_text(record["name"]), str(record["type"]).upper()
        value = txt(record["value"]) if kind == "TXT" else record["value"]
        try:
            rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), value)
        except (dns.exception.DNSException, ValueError) as error:
            raise LabError(f"{record['name']} {kind} {value!r}: {error}") from error
        key = (name, kind)
        if key not in rrsets:
            rrsets[key] = dns.rrset.from_rdata(name, TTL, rdata)
        rrsets[key].add(rdata, TTL)
    for rrset in rrsets.values():
        publish(lab, zone, rrset)
