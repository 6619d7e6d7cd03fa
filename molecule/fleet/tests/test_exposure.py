"""What listens where, and as whom."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable

import pytest
from testinfra.host import Host

from mailflow.trial import Site

HostOf = Callable[[str], Host]
SSH, WIREGUARD = ("tcp", 22), ("udp", 51820)
OPEN = {
    "mx": {SSH, WIREGUARD, ("tcp", 25)},
    "mas": {SSH, WIREGUARD, ("tcp", 587), ("tcp", 465), ("tcp", 993)},
}
"""All that may listen on a public address, by role."""
ACCOUNTS = {
    "unbound.service": "unbound",
    "redis-server@rspamd.service": "redis",
    "redis-server@bayes.service": "redis",
    "redis-server@fuzzy.service": "redis",
    "filter-engine.service": "_filter_engine",
}


def hosts(site: Site) -> list[str]:
    return [host.name for host in site.lab.site().hosts]


def listening(host: Host) -> set[tuple[str, str, int]]:
    """(protocol, address, port) of every socket that takes what strangers send.

    A UDP socket that asked a question (connected, or a port the kernel or Unbound chose for one
    query) is no service.
    """
    found = set()
    for line in host.check_output("ss -Hlntup").splitlines():
        protocol, _, _, _, local, _, *process = line.split()
        address, _, port = local.rpartition(":")
        address = address.partition("%")[0].strip("[]")
        if protocol == "udp" and int(port) >= 1024 and "unbound" in "".join(process):
            continue
        found.add((protocol, "::" if address == "*" else address, int(port)))
    return found


def test_nothing_but_the_doors_listens_on_a_public_address(site: Site, host_of: HostOf) -> None:
    for member in site.lab.site().hosts:
        allowed = set().union(*(OPEN[role] for role in member.roles))
        public = {ipaddress.ip_address(address) for address in member.addresses}
        exposed = {
            (protocol, port)
            for protocol, address, port in listening(host_of(member.name))
            if ipaddress.ip_address(address).is_unspecified
            or ipaddress.ip_address(address) in public
        }
        assert exposed == allowed, member.name


@pytest.mark.parametrize(("unit", "account"), ACCOUNTS.items())
def test_every_unit_runs_under_its_own_user(
    unit: str, account: str, site: Site, host_of: HostOf
) -> None:
    for name in hosts(site):
        host = host_of(name)
        pid = host.check_output(f"systemctl show -P MainPID {unit}")
        assert pid != "0", f"{unit} does not run on {name}"
        assert host.check_output(f"ps -o user:32= -p {pid}").strip() == account


def test_no_unit_has_failed(site: Site, host_of: HostOf) -> None:
    for name in hosts(site):
        failed = json.loads(host_of(name).check_output("systemctl list-units --failed -o json"))
        assert failed == [], name


def test_the_filter_is_hardened(site: Site, host_of: HostOf) -> None:
    wanted = {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "Restart": "on-failure"}
    for name in hosts(site):
        host = host_of(name)
        for key, value in wanted.items():
            assert host.check_output(f"systemctl show -P {key} filter-engine") == value
        assert host.check_output("systemctl show -P MemoryMax filter-engine").isdigit()


def test_secrets_are_readable_by_their_service_alone(site: Site, host_of: HostOf) -> None:
    mas = host_of(site.access_server)
    keys = mas.check_output("find /var/lib/filter_engine/dkim -name '*.key'").split()
    assert keys
    for path in keys:
        assert mas.check_output(f"stat -c '%a %G' {path}") == "640 _filter_engine"
    for exchanger in site.exchangers:
        if exchanger != site.access_server:
            found = host_of(exchanger).run(
                "find / -xdev -name '*._domainkey*' -o -name '*.mail.key'"
            )
            assert found.stdout.strip() == ""
