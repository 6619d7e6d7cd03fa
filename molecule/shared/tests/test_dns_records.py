"""What the site says of its mail stands in DNS because the site published it, and is watched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dns.rrset
import pytest
import yaml
from testinfra.host import Host

from lab.publish import publish
from lab.zones import TTL
from mailflow.trial import Site

HostOf = Callable[[str], Host]
CHECK = "/opt/filter_engine/current/bin/filter-engine dns check"
DIG = "dig +short +norecurse @{server} {kind} {name}"


@pytest.fixture
def mas(site: Site, host_of: HostOf) -> Host:
    return host_of(site.access_server)


@pytest.fixture
def stands(site: Site, mas: Host) -> Callable[[str, str], list[str]]:
    """What the authoritative server has."""
    server = site.lab.internet.root_server.address

    def ask(name: str, kind: str) -> list[str]:
        command = DIG.format(server=server, kind=kind, name=name)
        return sorted(mas.check_output(command).split("\n"))

    return ask


def check(mas: Host, *options: str) -> tuple[int, dict[str, Any]]:
    done = mas.run(" ".join([CHECK, "--json", *options]))
    return done.rc, json.loads(done.stdout)


def test_resolvers_and_the_authoritative_server_answer_what_they_should(mas: Host) -> None:
    status, report = check(mas)
    assert report["findings"] == []
    assert status == 0
    assert any(server.startswith("root.lab.example ") for server in report["servers"])
    assert any(server.startswith("127.0.0.1") for server in report["servers"])


def test_the_records_are_those_of_the_topology(
    site: Site, stands: Callable[[str, str], list[str]]
) -> None:
    members = {host.name: host for host in site.lab.site().hosts}
    exchangers = [members[name] for name in site.exchangers]
    for domain in site.lab.site().domains:
        assert stands(domain, "MX") == sorted(f"10 {host.fqdn}." for host in exchangers)
        (spf,) = stands(domain, "TXT")
        for host in members.values():
            for address in host.addresses:
                assert f" ip{6 if ':' in address else 4}:{address} " in spf
        assert stands(f"_dmarc.{domain}", "TXT") == ['"v=DMARC1; p=reject"']
    for host in exchangers:
        (tlsa,) = stands(f"_25._tcp.{host.fqdn}", "TLSA")
        assert tlsa.startswith("3 1 1 ")


def test_the_key_of_the_exchanger_is_the_one_that_dane_names(
    site: Site, host_of: HostOf, stands: Callable[[str, str], list[str]]
) -> None:
    for name in site.exchangers:
        host = host_of(name)
        fqdn = next(one.fqdn for one in site.lab.site().hosts if one.name == name)
        served = host.check_output(
            "openssl s_client -starttls smtp -connect %s:25 < /dev/null 2> /dev/null"
            " | openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum",
            next(one.addresses[0] for one in site.lab.site().hosts if one.name == name),
        ).split()[0]
        (tlsa,) = stands(f"_25._tcp.{fqdn}", "TLSA")
        assert tlsa.replace(" ", "").lower() == f"311{served}"


def test_records_of_others_in_the_same_zone_are_still_there(
    site: Site, stands: Callable[[str, str], list[str]]
) -> None:
    internet = site.lab.internet.host
    pointer = ".".join(reversed(internet.addresses[0].split("."))) + ".in-addr.arpa"
    assert stands(pointer, "PTR") == [f"{internet.fqdn}."]


def test_a_record_that_somebody_changes_is_told(site: Site, mas: Host) -> None:
    def put(value: str) -> None:
        name = f"_dmarc.{site.domain}."
        publish(site.lab, site.domain, dns.rrset.from_text(name, TTL, "IN", "TXT", f'"{value}"'))

    put("v=DMARC1; p=none")
    try:
        status, report = check(mas, "--only authoritative")
    finally:
        put("v=DMARC1; p=reject")
    assert status == 1
    (finding,) = report["findings"]
    assert (finding["fault"], finding["name"]) == ("different", f"_dmarc.{site.domain}")
    assert finding["found"] == ["v=DMARC1; p=none"]
    assert check(mas, "--only authoritative")[0] == 0


def test_the_key_of_the_site_opens_no_zone_of_another(site: Site, host_of: HostOf) -> None:
    path = site.lab.paths.inventory / "group_vars" / "all" / "secrets.yml"
    secrets = yaml.safe_load(path.read_text())
    server = site.lab.internet.root_server.address
    script = (
        f"server {server}\nkey hmac-sha256:site {secrets['vault_dns_records_key_secret']}\n"
        "zone goodcorp.example\nadd evil.goodcorp.example 60 TXT evil\nsend\n"
    )
    done = site.lab.ssh.run(site.access_server, ["knsupdate"], stdin=script, check=False)
    # Knot does not tell of a key that opens nothing there.
    assert b"BADKEY" in done.stdout


def test_the_comparison_runs_daily_and_by_hand(mas: Host) -> None:
    assert mas.check_output("systemctl is-active mailfleet-dns-check.timer") == "active"
    started = mas.run("systemctl start mailfleet-dns-check.service")
    assert started.rc == 0, mas.check_output("journalctl -u mailfleet-dns-check -n 20")
