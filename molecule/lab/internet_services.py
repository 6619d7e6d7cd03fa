"""What runs on the lab's Internet host: Knot with all zones, and the receiving MX.

Everything is seeded before the first boot, so the Internet is complete when the host is up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from lab.dnssec import DnsKeys
from lab.internet import Internet
from lab.keys import KeyPair
from lab.paths import PACKAGE
from lab.seed import SeedFile
from lab.zones import Zone

UNITS = ("knot.service", "lab-mx.service")
SCRIPTS = "/usr/local/lib/lab"
STORE = "/var/lib/lab-mx"
UPDATE_KEY_NAME = "site"
"""Name of the key that the site's operator changes the site's zones with (RFC 8945)."""

_FILES = PACKAGE / "internet_host"
_ZONES = "/etc/knot/zones"
_UPDATE_KEY = "/etc/knot/update_key.conf"
_CERTIFICATE = "/etc/lab-mx/certificate.pem"


def knot_conf(internet: Internet, zones: Iterable[Zone]) -> str:
    """knot.conf(5): authoritative for `zones`. Updates are taken from the host itself, and for the
    site's zones from whoever holds the key of its operator."""
    text = f"""\
server:
    rundir: "/run/knot"
    user: "knot:knot"
    listen: ["127.0.0.1@53", "{internet.root_server.address}@53"]

include: "{_UPDATE_KEY}"

log:
  - target: "syslog"
    any: "notice"

database:
    storage: "/var/lib/knot"

acl:
  - id: "this-host"
    address: "127.0.0.1"
    action: "update"
  - id: "site"
    key: "{UPDATE_KEY_NAME}"
    action: "update"

policy:
  - id: "lab"
    # One key for every zone, brought along: see lab/dnssec.py.
    manual: "on"
    single-type-signing: "on"
    algorithm: "ecdsap256sha256"

template:
  - id: "default"
    storage: "{_ZONES}"
    dnssec-signing: "on"
    dnssec-policy: "lab"
    # Updates live in the journal; the seeded files stay as they are.
    zonefile-sync: -1
    semantic-checks: "on"
    acl: "this-host"

zone:
"""
    for zone in zones:
        text += f'  - domain: "{zone.origin}"\n    file: "{zone.file_name}"\n'
        if zone.of_site:
            text += '    acl: ["this-host", "site"]\n'
    return text


def update_key(secret: str) -> str:
    """The part of knot.conf(5) that everybody may not read."""
    lines = (f'id: "{UPDATE_KEY_NAME}"', 'algorithm: "hmac-sha256"', f'secret: "{secret}"')
    return "key:\n  - " + "\n    ".join(lines) + "\n"


def service_files(
    internet: Internet,
    zones: Iterable[Zone],
    certificate: KeyPair,
    dns: DnsKeys,
) -> list[SeedFile]:
    """All files of the Internet host's services."""
    zones = list(zones)
    receiver = internet.receiver
    config = {
        "hostname": receiver.fqdn,
        "addresses": receiver.addresses,
        "domains": [
            name for name, domain in internet.domains.items() if "receiver" in domain.servers
        ],
        "certificate": _CERTIFICATE,
        "store": STORE,
    }
    scripts = [path for path in sorted(_FILES.iterdir()) if path.suffix in {".pl", ".py", ".sh"}]
    return [
        SeedFile("/etc/knot/knot.conf", knot_conf(internet, zones)),
        *(SeedFile(f"{_ZONES}/{zone.file_name}", zone.text()) for zone in zones),
        SeedFile(_UPDATE_KEY, update_key(dns.update_secret), 0o640, "knot"),
        SeedFile("/etc/knot/zone_key.pem", dns.zone.private, 0o640, "knot"),
        SeedFile(
            "/etc/systemd/system/knot.service.d/lab.conf", (_FILES / "knot-keys.conf").read_text()
        ),
        SeedFile("/etc/lab-mx/config.json", json.dumps(config, indent=2)),
        SeedFile(_CERTIFICATE, certificate.public),
        SeedFile("/etc/lab-mx/key.pem", certificate.private, 0o600),
        SeedFile("/etc/systemd/system/lab-mx.service", (_FILES / "lab-mx.service").read_text()),
        *(SeedFile(f"{SCRIPTS}/{path.name}", path.read_text(), 0o755) for path in scripts),
    ]
