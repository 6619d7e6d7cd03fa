"""What must hold between the hosts of a site: unique addresses, a complete mesh, the roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import (
    Address,
    Host,
    IPAddress,
    Problem,
    Vpn,
)


def check_site(hosts: Sequence[Host], vpn: Vpn | None, *, vpn_given: bool) -> list[Problem]:
    """Return the problems between hosts; `vpn_given` tells a faulty `vpn` from an absent one."""
    return [
        *_roles(hosts),
        *_names(hosts),
        *_unique_addresses(hosts),
        *_mesh(hosts, vpn, vpn_given=vpn_given),
        *_reachable(hosts),
    ]


def _roles(hosts: Sequence[Host]) -> Iterator[Problem]:
    known = {role for host in hosts for role in host.roles}
    # A host whose role could not be read has been reported already; it may be the one missing.
    if not hosts or not all(host.roles for host in hosts):
        return
    line = hosts[0].line
    if "mas" not in known:
        fix = "give one host role: mas, or role: [mas, mx]"
        yield Problem(line, "no host is a MAS, so the site has no mailboxes", fix)
    if "mx" not in known:
        fix = "give one host role: mx, or the MAS role: [mas, mx]"
        yield Problem(line, "no host is an MX, so the site receives no mail", fix)


def _names(hosts: Sequence[Host]) -> Iterator[Problem]:
    seen: dict[str, Host] = {}
    for host in hosts:
        other = seen.setdefault(host.fqdn, host)
        if other is not host:
            what = f'fqdn "{host.fqdn}" of host "{host.name}" is also that of "{other.name}"'
            yield Problem(host.line, what, "give each host its own name")


def _unique_addresses(hosts: Sequence[Host]) -> Iterator[Problem]:
    seen: dict[IPAddress, tuple[Host, Address]] = {}
    for host in hosts:
        for address in chain(host.public, host.vpn, host.lan):
            owner, first = seen.setdefault(address.ip, (host, address))
            if first is not address:
                what = f'address "{address}" of host "{host.name}" is given twice'
                if owner is not host:
                    what = f'address "{address}" of host "{host.name}" is already that of'
                    what += f' "{owner.name}" (line {first.line})'
                yield Problem(address.line, what, "give each host its own addresses, once")


def _mesh(hosts: Sequence[Host], vpn: Vpn | None, *, vpn_given: bool) -> Iterator[Problem]:
    if vpn is None:
        if vpn_given:
            # What is wrong with it was reported where it was read.
            for host in hosts:
                if not host.vpn and "vpn" not in host.unread:
                    what = f'host "{host.name}" has no vpn addresses'
                    yield Problem(host.line, what, "add one of each network of vpn")
            return
        if len(hosts) > 1:
            fix = "add: vpn: {ipv4: CIDR, ipv6: CIDR}"
            yield Problem(hosts[0].line, f'{len(hosts)} hosts, but key "vpn" is missing', fix)
            return
        for host in hosts:
            if host.vpn:
                what = f'host "{host.name}" has VPN addresses, but key "vpn" is missing'
                yield Problem(host.line, what, "add vpn with its networks, or remove the addresses")
        return
    for host in hosts:
        yield from _mesh_addresses(host, vpn)
        for address in chain(host.public, host.lan):
            if any(address.ip in network for network in vpn.networks):
                what = f'address "{address}" of host "{host.name}" lies within the VPN'
                yield Problem(address.line, what, "list it under vpn only")


def _mesh_addresses(host: Host, vpn: Vpn) -> Iterator[Problem]:
    if not host.vpn and "vpn" not in host.unread:
        fix = f"add: vpn: [an address of {vpn.ipv4}" + (
            f", one of {vpn.ipv6}]" if vpn.ipv6 else "]"
        )
        yield Problem(host.line, f'host "{host.name}" has no vpn addresses', fix)
        return
    for network in vpn.networks:
        own = [address for address in host.vpn if address.ip.version == network.version]
        if len(own) != 1 and "vpn" not in host.unread:
            what = f'host "{host.name}" has {len(own)} VPN addresses of IPv{network.version}'
            yield Problem(host.line, what, f"give it exactly one of {network}")
        for address in own:
            if address.ip not in network:
                what = f'VPN address "{address}" of host "{host.name}" is outside {network}'
                yield Problem(address.line, what, f"take one of {network}")
            elif network.num_addresses > 2 and address.ip in (
                network.network_address,
                network.broadcast_address,
            ):
                what = f'VPN address "{address}" of host "{host.name}" is an end of {network}'
                yield Problem(
                    address.line, what, "the first and the last address are not for hosts"
                )
    if vpn.ipv6 is None:
        for address in host.vpn:
            if address.ip.version == 6:
                what = f'VPN address "{address}" of host "{host.name}", but vpn has no ipv6 network'
                yield Problem(address.line, what, "add vpn.ipv6 or remove the address")


def _reachable(hosts: Sequence[Host]) -> Iterator[Problem]:
    hidden = [host for host in hosts if not host.public and "public" not in host.unread]
    for host in hidden:
        if "mx" in host.roles:
            what = f'host "{host.name}" is an MX without public addresses'
            yield Problem(host.line, what, "give it a public address or take the role away")
    for host in hidden[1:]:
        what = f'hosts "{hidden[0].name}" and "{host.name}" both have no public address'
        yield Problem(host.line, what, "of two VPN peers one needs a public address")
