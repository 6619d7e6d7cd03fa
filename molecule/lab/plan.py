"""Which hosts a lab has, with which addresses, MACs and routes. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from lab.errors import LabError
from lab.internet import Internet
from lab.site import Site


@dataclass(frozen=True)
class LabHost:
    """One lab host. `further` addresses, with prefix length, are added to eth0 at boot."""

    name: str
    fqdn: str
    ipv4: str
    ipv6: str | None
    further: tuple[str, ...]
    gateways: tuple[str, ...]
    forwards: bool

    @property
    def mac(self) -> str:
        """Locally administered, derived from the address: a host made again keeps it."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in IPv4Address(self.ipv4).packed)

    @property
    def network_batch(self) -> str:
        """Lines for `ip -batch` that complete what Podman configured."""
        lines = [f"address replace {address} dev eth0" for address in self.further]
        for gateway in self.gateways:
            everything = "::/0" if ":" in gateway else "0.0.0.0/0"
            lines.append(f"route replace {everything} via {gateway} dev eth0")
        return "".join(f"{line}\n" for line in lines)


def plan_hosts(site: Site, internet: Internet) -> tuple[LabHost, ...]:
    """The Internet first, then the site's hosts.

    Raises LabError when two hosts share a name or an address, or a public address is not on the
    lab's link.
    """
    hosts = [
        _lab_host(
            internet.name,
            internet.host.fqdn,
            internet.host.addresses,
            internet,
            further=internet.held_addresses,
        )
    ]
    hosts += [_lab_host(host.name, host.fqdn, host.addresses, internet) for host in site.hosts]
    _refuse_twins(hosts, internet)
    return tuple(hosts)


def _lab_host(
    name: str,
    fqdn: str,
    addresses: tuple[str, ...],
    internet: Internet,
    further: tuple[str, ...] = (),
) -> LabHost:
    link = internet.link
    for address in addresses:
        parsed = ip_address(address)
        if parsed not in (link.ipv4 if isinstance(parsed, IPv4Address) else link.ipv6):
            raise LabError(
                f"{name}: public address {address} is outside the lab's link, where every host "
                f"has an address of {link.ipv4} and {link.ipv6}; copy the inventory, give the "
                "hosts of the copy such addresses, and use it here (SITE=inventories/COPY)"
            )
    ipv4 = [address for address in addresses if ":" not in address]
    ipv6 = [address for address in addresses if ":" in address]
    if not ipv4:
        raise LabError(f"{name}: no public IPv4 address, which the lab needs to reach the host")
    forwards = name == internet.name
    return LabHost(
        name=name,
        fqdn=fqdn,
        ipv4=ipv4[0],
        ipv6=ipv6[0] if ipv6 else None,
        further=tuple(
            [f"{address}/{link.ipv4.prefixlen}" for address in ipv4[1:]]
            + [f"{address}/{link.ipv6.prefixlen}" for address in ipv6[1:]]
            + [f"{address}/{128 if ':' in address else 32}" for address in further]
        ),
        gateways=() if forwards else internet.host.addresses,
        forwards=forwards,
    )


def _refuse_twins(hosts: list[LabHost], internet: Internet) -> None:
    owners: dict[str, str] = dict.fromkeys(internet.link.controller, "the controller")
    for host in hosts:
        own = [host.name, host.ipv4, *([host.ipv6] if host.ipv6 else [])]
        own += [address.split("/")[0] for address in host.further]
        for key in own:
            if key in owners:
                raise LabError(f"{key} belongs to both {owners[key]} and {host.name}")
            owners[key] = host.name
