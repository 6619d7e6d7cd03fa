"""The generated inventory: how to reach the lab's hosts, and the facts only a lab has.

It is used beside the site's own: `-i inventories/three_hosts -i .lab/NAME/inventory`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from lab import keys
from lab.dnssec import DnsKeys, trust_anchor
from lab.internet import Internet
from lab.internet_services import UPDATE_KEY_NAME
from lab.paths import LabPaths
from lab.plan import LabHost
from lab.site import Site
from lab.zones import TTL

_HEADER = "# Written by `make lab-up`; gone with `make lab-down`.\n---\n"
USERS = ("alice", "bob")


def hosts_file(paths: LabPaths, hosts: Iterable[LabHost], internet: Internet) -> dict[str, Any]:
    """hosts.yml: connection variables; the Internet in a group of its own, outside the site."""
    return {
        "lab": {
            "hosts": {host.name: {"ansible_host": host.ipv4} for host in hosts},
            "children": {"lab_internet": {"hosts": {internet.name: {}}}},
            "vars": {
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_common_args": f'-F "{paths.ssh_config}"',
                # Several labs use the same addresses: an open connection of one must never
                # serve another.
                "ansible_control_path_dir": str(paths.sockets / "ansible"),
            },
        }
    }


def lab_facts(internet: Internet, zone_key: bytes) -> dict[str, Any]:
    """Variables of every host in the lab: that it is one, and where its DNS and its trust begin."""
    root = internet.root_server
    return {
        "site_lab": True,
        "resolver_root_servers": [{"name": root.name, "address": root.address}],
        "resolver_trust_anchors": [trust_anchor(zone_key)],
        # The site publishes its records itself; every zone is signed, so TLSA has a meaning.
        "dns_records_server": root.address,
        "dns_records_key_name": UPDATE_KEY_NAME,
        "dns_records_ttl": TTL,
        "dns_records_tlsa_ports": [25],
        # The lab's mails are sent once: their verdict is wanted, not a request to come back.
        "filter_engine_greylisting": False,
    }


def secrets(site: Site, update_secret: str) -> dict[str, Any]:
    """What an operator keeps in a vault, at random."""
    return {
        "vault_redis_password": keys.password(),
        "vault_filter_engine_controller_password": keys.password(),
        "vault_filter_engine_enable_password": keys.password(),
        "vault_webui_proxy_password": keys.password(),
        "vault_dns_records_key_secret": update_secret,
        "vault_users": [
            {"name": f"{user}@{site.domains[0]}", "password": keys.password()} for user in USERS
        ],
    }


def write_inventory(
    paths: LabPaths,
    site: Site,
    hosts: Iterable[LabHost],
    internet: Internet,
    dns: DnsKeys,
) -> None:
    """Write the inventory directory; the secrets get mode 0600."""
    everyone = paths.inventory / "group_vars" / "all"
    everyone.mkdir(parents=True, exist_ok=True)
    hosts_text = _yaml(hosts_file(paths, hosts, internet))
    (paths.inventory / "hosts.yml").write_text(hosts_text)
    (everyone / "lab.yml").write_text(_yaml(lab_facts(internet, dns.zone.public)))
    keys.write_private(everyone / "secrets.yml", _yaml(secrets(site, dns.update_secret)))


def _yaml(data: object) -> str:
    return _HEADER + yaml.safe_dump(data, sort_keys=False)
