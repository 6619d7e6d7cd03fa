"""The contract of docs/site_variables.md, against the reference site."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

import pytest
from ansible_collections.mailfleet.filter.plugins.plugin_utils.site_variables import (
    host_groups,
    host_variables,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_reader import read_topology

from .conftest import ROOT

SITES = {
    name: read_topology((ROOT / "inventories" / name / "topology.yml").read_text(), name)
    for name in ("three_hosts", "single_host")
}


def variables(site: str, host: str) -> dict[str, Any]:
    topology = SITES[site]
    return host_variables(topology, next(one for one in topology.hosts if one.name == host))


@pytest.mark.parametrize(("site", "host"), [("three_hosts", "maeve"), ("single_host", "solo")])
def test_the_documented_variables_are_those_emitted(site: str, host: str) -> None:
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/site_variables.md").read_text().splitlines()
        if line.startswith("| `site_")
    ]
    documented = {name for row in rows for name in re.findall(r"`(site_\w+)`", row)}
    assert set(variables(site, host)) == documented


def test_dolores() -> None:
    found = variables("three_hosts", "dolores")
    assert found["site_role"] == "mx"
    assert found["site_roles"] == ["mx"]
    assert found["site_fqdn"] == "dolores.example.net"
    assert found["site_domains"] == ["example.net"]
    assert found["site_primary_domain"] == "example.net"
    assert found["site_address"] == "203.0.113.142"
    assert found["site_public_addresses"] == ["203.0.113.142", "2001:db8:48d1::142"]
    assert found["site_vpn_addresses"] == ["10.195.171.142", "fdc1:d89e:b128:6a04::7de4"]
    assert found["site_own_addresses"] == [
        "127.0.0.0/8",
        "::1/128",
        "203.0.113.142",
        "2001:db8:48d1::142",
        "10.195.171.142",
        "fdc1:d89e:b128:6a04::7de4",
    ]
    assert found["site_scan_upstreams_line"] == (
        "master-slave:127.0.0.1:11333:30,10.195.171.241:11333:20,10.195.171.47:11333:20"
    )
    assert found["site_resolvers_line"] == (
        "master-slave:127.0.0.1:53:40,10.195.171.241:53:30,10.195.171.47:53:20"
    )
    assert found["site_redis_role"] == "replica"
    assert found["site_redis_primary_address"] == "10.195.171.241"
    assert found["site_redis_hosts"] == [
        {"host": "127.0.0.1", "weight": 30},
        {"host": "10.195.171.241", "weight": 20},
        {"host": "10.195.171.47", "weight": 20},
    ]
    assert found["site_vpn_peers"][0] == {
        "name": "charlotte",
        "endpoint": "203.0.113.54",
        "port": 51820,
        "addresses": ["10.195.171.241", "fdc1:d89e:b128:6a04::29ab"],
        "allowed_ips": ["10.195.171.241/32", "fdc1:d89e:b128:6a04::29ab/128"],
    }
    assert found["site_neighbours"]["charlotte"] == {
        "host": "https://charlotte.example.net:443",
        "path": "/rspamd/charlotte",
    }


def test_the_one_list_of_local_networks_is_the_same_everywhere() -> None:
    lists = [variables("three_hosts", h)["site_local_networks"] for h in ("charlotte", "maeve")]
    assert lists[0] == lists[1]
    networks = [ipaddress.ip_network(one) for one in lists[0]]  # raises on host bits
    assert len(set(networks)) == len(networks)
    keys = [(n.version, int(n.network_address)) for n in networks]
    assert keys == sorted(keys)
    for wanted in ("127.0.0.0/8", "10.195.171.0/24", "172.27.88.10/32", "2001:db8:48d1::47/128"):
        assert wanted in lists[0]


@pytest.mark.parametrize("host", ["charlotte", "dolores", "maeve"])
def test_exactly_the_others_are_peers(host: str) -> None:
    found = variables("three_hosts", host)
    others = {"charlotte", "dolores", "maeve"} - {host}
    assert {one["name"] for one in found["site_peers"]} == others
    assert {one["name"] for one in found["site_vpn_peers"]} == others
    assert [one["name"] for one in found["site_hosts"]] == ["charlotte", "dolores", "maeve"]
    assert [one["name"] for one in found["site_mas_hosts"]] == ["charlotte"]
    assert [one["name"] for one in found["site_mx_hosts"]] == ["dolores", "maeve"]
    assert [u["weight"] for u in found["site_scan_upstreams"]] == [30, 20, 20]
    assert (found["site_redis_role"] == "primary") == (host == "charlotte")


def test_a_site_of_one_host() -> None:
    found = variables("single_host", "solo")
    assert (found["site_role"], found["site_roles"]) == ("mas", ["mas", "mx"])
    assert (found["site_vpn"], found["site_vpn_peers"], found["site_peers"]) == ({}, [], [])
    assert found["site_redis_role"] == "primary"
    assert found["site_redis_primary_address"] == "127.0.0.1"
    assert found["site_scan_upstreams_line"] == "master-slave:127.0.0.1:11333:30"
    assert [one["name"] for one in found["site_mas_hosts"]] == ["solo"]
    assert found["site_mas_hosts"] == found["site_mx_hosts"]
    assert host_groups(SITES["single_host"].hosts[0]) == ["site", "mas", "mx"]


def test_values_are_plain() -> None:
    """No ipaddress objects, no tuples: what comes out is what JSON knows."""
    found = variables("three_hosts", "maeve")
    assert json.loads(json.dumps(found)) == found


def test_outside_resolvers_stand_between_the_own_and_the_peers() -> None:
    text = (ROOT / "inventories/three_hosts/topology.yml").read_text()
    text = text.replace("hosts:\n", 'resolvers: [192.0.2.1, "[2001:db8::53]:5353"]\nhosts:\n')
    text = text.replace("    lan: [172.27.88.10]", "    resolvers: [172.27.88.1]")
    topology = read_topology(text, "topology.yml")
    lines = [host_variables(topology, host)["site_resolvers_line"] for host in topology.hosts]
    assert lines[0] == (
        "master-slave:127.0.0.1:53:40,172.27.88.1:53:30,10.195.171.142:53:20,10.195.171.47:53:10"
    )
    assert lines[1] == (
        "master-slave:127.0.0.1:53:40,192.0.2.1:53:30,[2001:db8::53]:5353:20,"
        "10.195.171.241:53:10,10.195.171.47:53:9"
    )
