"""Publishing the site's DKIM records in the lab's DNS, as its operator does at a provider."""

from __future__ import annotations

import dns.zonefile

from lab.lab import Lab
from lab.publish import publish

RECORDS = "/var/lib/filter_engine/dkim/*.txt"
"""Where role dkim_keys leaves the records in zone form (`dkim_keys_path`)."""


def publish_dkim(lab: Lab) -> list[str]:
    """Publish every record found on the access servers; return their names."""
    names = []
    domains = lab.site().domains
    for host in lab.site().hosts:
        if "mas" not in host.roles:
            continue
        text = lab.ssh.run(host.name, ["sh", "-c", f"cat {RECORDS}"]).stdout.decode()
        for rrset in dns.zonefile.read_rrsets(text, origin=".", default_ttl=60, rdclass=None):
            name = rrset.name.to_text()
            zone = next(domain for domain in domains if name.endswith(f".{domain}."))
            publish(lab, zone, rrset)
            names.append(name)
    return names
