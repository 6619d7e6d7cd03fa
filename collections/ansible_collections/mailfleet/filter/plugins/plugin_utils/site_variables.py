"""Computes the `site_*` host variables from a topology: the contract of docs/site_variables.md.

Everything here is plain data, so that templates compute nothing and never read `hostvars`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import (
    Host,
    IPNetwork,
    Topology,
)

SCAN_PORT = 11333
DNS_PORT = 53
OWN_WEIGHT, PEER_WEIGHT = 30, 20
LOOPBACK_ADDRESS = "127.0.0.1"
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")


def host_groups(host: Host) -> list[str]:
    """Return the groups of a host: `site` and one for each role."""
    return ["site", *host.roles]


def host_variables(topology: Topology, host: Host) -> dict[str, Any]:
    """Return all `site_*` variables of one host."""
    peers = [other for other in topology.hosts if other is not host]
    described = {other.name: _describe(other) for other in topology.hosts}
    primary = next(other for other in topology.hosts if other.name == topology.redis_primary)
    scanners = _scan_upstreams(peers)
    resolvers = _resolvers(host, peers)
    return {
        "site_domains": list(topology.domains),
        "site_primary_domain": topology.domains[0],
        "site_role": host.role,
        "site_roles": list(host.roles),
        "site_fqdn": host.fqdn,
        "site_address": host.address,
        "site_public_addresses": _texts(host.public),
        "site_vpn_addresses": _texts(host.vpn),
        "site_lan_addresses": _texts(host.lan),
        "site_own_addresses": [*LOOPBACK_NETWORKS, *_texts(host.lan + host.public + host.vpn)],
        "site_local_networks": _local_networks(topology),
        "site_vpn": _vpn(topology),
        "site_vpn_peers": [_vpn_peer(topology, peer) for peer in peers] if topology.vpn else [],
        "site_peers": [described[peer.name] for peer in peers],
        "site_hosts": list(described.values()),
        "site_mas_hosts": [described[h.name] for h in topology.hosts if "mas" in h.roles],
        "site_mx_hosts": [described[h.name] for h in topology.hosts if "mx" in h.roles],
        "site_scan_upstreams": scanners,
        "site_scan_upstreams_line": _line((u["host"], u["port"], u["weight"]) for u in scanners),
        "site_resolvers": resolvers,
        "site_resolvers_line": _line((r["address"], r["port"], r["weight"]) for r in resolvers),
        "site_redis_role": "primary" if host is primary else "replica",
        "site_redis_primary_address": primary.inner_address or LOOPBACK_ADDRESS,
        "site_redis_hosts": [{"host": u["host"], "weight": u["weight"]} for u in scanners],
        "site_neighbours": {
            other.name: {"host": f"https://{other.fqdn}:443", "path": f"/rspamd/{other.name}"}
            for other in topology.hosts
        },
    }


def _texts(addresses: Iterable[object]) -> list[str]:
    return [str(address) for address in addresses]


def _describe(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "fqdn": host.fqdn,
        "role": host.role,
        "roles": list(host.roles),
        "public_addresses": _texts(host.public),
        "vpn_addresses": _texts(host.vpn),
    }


def _local_networks(topology: Topology) -> list[str]:
    networks: set[IPNetwork] = {ipaddress.ip_network(text) for text in LOOPBACK_NETWORKS}
    networks.update(topology.local_networks)
    if topology.vpn:
        networks.update(topology.vpn.networks)
    for host in topology.hosts:
        networks.update(ipaddress.ip_network(a.ip) for a in host.public + host.lan)
    ordered = sorted(networks, key=lambda n: (n.version, int(n.network_address), n.prefixlen))
    return _texts(ordered)


def _vpn(topology: Topology) -> dict[str, Any]:
    vpn = topology.vpn
    if vpn is None:
        return {}
    return {
        "interface": vpn.interface,
        "port": vpn.port,
        "ipv4": str(vpn.ipv4),
        "ipv6": None if vpn.ipv6 is None else str(vpn.ipv6),
        "prefix_v4": vpn.ipv4.prefixlen,
        "prefix_v6": None if vpn.ipv6 is None else vpn.ipv6.prefixlen,
    }


def _vpn_peer(topology: Topology, peer: Host) -> dict[str, Any]:
    return {
        "name": peer.name,
        "endpoint": str(peer.public[0]) if peer.public else None,
        "port": topology.vpn.port if topology.vpn else None,
        "addresses": _texts(peer.vpn),
        "allowed_ips": [f"{a}/{a.ip.max_prefixlen}" for a in peer.vpn],
    }


def _scan_upstreams(peers: list[Host]) -> list[dict[str, Any]]:
    own = {"host": LOOPBACK_ADDRESS, "port": SCAN_PORT, "weight": OWN_WEIGHT}
    others = (
        {"host": peer.inner_address, "port": SCAN_PORT, "weight": PEER_WEIGHT} for peer in peers
    )
    return [own, *others]


def _resolvers(host: Host, peers: list[Host]) -> list[dict[str, Any]]:
    places: list[tuple[str, int]] = [(LOOPBACK_ADDRESS, DNS_PORT)]
    places += [(str(one.address), one.port) for one in host.resolvers]
    places += [(peer.inner_address or LOOPBACK_ADDRESS, DNS_PORT) for peer in peers]
    return [
        {"address": address, "port": port, "weight": _resolver_weight(position)}
        for position, (address, port) in enumerate(places)
    ]


def _resolver_weight(position: int) -> int:
    """Return 40, 30, 20, 10, 9, 8 ... and never less than 1."""
    return 40 - 10 * position if position < 4 else max(13 - position, 1)


def _line(upstreams: Iterable[tuple[str, int, int]]) -> str:
    """Return Rspamd's upstream line; IPv6 addresses stand in brackets."""
    parts = (f"[{h}]:{p}:{w}" if ":" in h else f"{h}:{p}:{w}" for h, p, w in upstreams)
    return "master-slave:" + ",".join(parts)
