"""What listens where, and as whom."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Collection

import pytest
import yaml
from testinfra.host import Host

from lab.paths import PROJECT
from mailflow.trial import Site

HostOf = Callable[[str], Host]
SSH = ("tcp", 22)
OPEN = {
    "mx": {SSH, ("tcp", 25)},
    "mas": {SSH, ("tcp", 587), ("tcp", 465), ("tcp", 993)},
}
"""All that may listen on a public address, by role (besides: `tunnel`, `pages`)."""
SENTINEL = "mailfleet-redis-sentinel.service"
"""Only where there are three hosts or more."""
ACCOUNTS = {
    "unbound.service": "unbound",
    "redis-server@rspamd.service": "redis",
    "redis-server@bayes.service": "redis",
    "redis-server@fuzzy.service": "redis",
    SENTINEL: "redis",
    "filter-engine.service": "_filter_engine",
    # Needs root to become others. What strangers talk to is below.
    "dovecot.service": "root",
}
"""Accounts of the units' main processes."""
MAIL_ACCESS = {"dovecot.service"}
"""Units of mail access servers only."""
POSTFIX = {"master": "root", "smtpd": "postfix", "qmgr": "postfix", "pickup": "postfix"}
DOVECOT = {"imap-login": "dovenull", "auth": "dovecot"}
"""Accounts of what strangers talk to, and of Postfix's master (its unit names no process)."""


def hosts(site: Site, *, mail_access: bool = False) -> list[str]:
    """Names of the site's hosts, or of its mail access servers alone."""
    return [h.name for h in site.lab.site().hosts if "mas" in h.roles or not mail_access]


def tunnel(site: Site) -> set[tuple[str, int]]:
    """WireGuard's port, on a site with a VPN."""
    topology = yaml.safe_load((PROJECT / site.lab.record.site / "topology.yml").read_text())
    return {("udp", topology["vpn"].get("port", 51820))} if topology.get("vpn") else set()


def pages(site: Site) -> set[tuple[str, int]]:
    """The WebUI's proxy, where the site has it."""
    everyone = PROJECT / site.lab.record.site / "group_vars/all"
    found = [yaml.safe_load(file.read_text()) for file in sorted(everyone.glob("*.yml"))]
    enabled = [each["webui_proxy_enabled"] for each in found if "webui_proxy_enabled" in each]
    return {("tcp", 443)} if any(enabled) else set()


def accounts_while_open(host: Host, port: int, names: Collection[str]) -> dict[str, set[str]]:
    """Accounts of these processes by name, while somebody is connected to the port on loopback."""
    # Waits for the greeting, with implicit TLS two seconds: then the server's process is there.
    session = f"exec 3<>/dev/tcp/127.0.0.1/{port}; read -r -t 2 -n 1 -u 3; ps -eo user:32=,comm="
    found: dict[str, set[str]] = {}
    for line in host.check_output("bash -c %s", session).splitlines():
        account, name = line.split(maxsplit=1)
        if name in names:
            found.setdefault(name, set()).add(account)
    return found


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
        allowed |= tunnel(site) | pages(site)
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
    if unit == SENTINEL and len(hosts(site)) < 3:
        pytest.skip("no majority could promote another primary")
    for name in hosts(site, mail_access=unit in MAIL_ACCESS):
        host = host_of(name)
        pid = host.check_output(f"systemctl show -P MainPID {unit}")
        assert pid != "0", f"{unit} does not run on {name}"
        assert host.check_output(f"ps -o user:32= -p {pid}").strip() == account


def test_what_strangers_talk_to_is_not_root(site: Site, host_of: HostOf) -> None:
    for name in hosts(site):
        found = accounts_while_open(host_of(name), 25, POSTFIX)
        assert found == {process: {account} for process, account in POSTFIX.items()}, name
    for name in hosts(site, mail_access=True):
        found = accounts_while_open(host_of(name), 993, DOVECOT)
        assert found == {process: {account} for process, account in DOVECOT.items()}, name


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
