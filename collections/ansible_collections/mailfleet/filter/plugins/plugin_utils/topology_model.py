"""What a `topology.yml` says, as plain typed values; no YAML and no Ansible here."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

ROLES = ("mas", "mx")
VPN_PORT = 51820
VPN_INTERFACE = "wg0"


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the file: the line (from 1), what is wrong, and the likely fix."""

    line: int
    what: str
    fix: str

    def describe(self, path: str) -> str:
        """Return one line of text: `path:line: what; fix`."""
        return f"{path}:{self.line}: {self.what}; {self.fix}"


class TopologyError(Exception):
    """The topology cannot be used; `problems` holds every reason, in the order of the file."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        count = len(problems)
        heading = f"{path}: {count} problem{'' if count == 1 else 's'}, nothing was read from it"
        lines = [f"  {problem.describe(path)}" for problem in self.problems]
        super().__init__("\n".join([heading, *lines]))


@dataclass(frozen=True)
class Address:
    """An address and the line it was written in."""

    ip: IPAddress
    line: int

    def __str__(self) -> str:
        return str(self.ip)


@dataclass(frozen=True)
class Resolver:
    """A resolver outside the site's own: address and port."""

    address: IPAddress
    port: int


@dataclass(frozen=True)
class Vpn:
    """The mesh between the hosts; `ipv6` is None where the mesh is IPv4 only."""

    ipv4: IPv4Network
    ipv6: IPv6Network | None
    port: int
    interface: str
    line: int

    @property
    def networks(self) -> list[IPNetwork]:
        """Both networks, IPv4 first."""
        return [self.ipv4] if self.ipv6 is None else [self.ipv4, self.ipv6]


@dataclass(frozen=True)
class Host:
    """One host of the site. Address lists are IPv4 first; `roles` in the order mas, mx."""

    name: str
    line: int
    roles: tuple[str, ...]
    fqdn: str
    vpn: tuple[Address, ...]
    lan: tuple[Address, ...]
    public: tuple[Address, ...]
    resolvers: tuple[Resolver, ...] = ()
    #: Address lists with a problem reported already; rules about what is missing pass them over.
    unread: frozenset[str] = frozenset()

    @property
    def role(self) -> str:
        """The leading role: `mas` for a host that keeps mailboxes, also when it is an MX too."""
        return self.roles[0]

    @property
    def inner_address(self) -> str | None:
        """How the other hosts of the site reach this one: its VPN IPv4 address."""
        return str(self.vpn[0]) if self.vpn else None

    @property
    def address(self) -> str:
        """Where the controller finds it: its first public address, else VPN, else LAN.

        A host of a site without problems has at least one of them.
        """
        return str((*self.public, *self.vpn, *self.lan)[0])


@dataclass(frozen=True)
class Topology:
    """A whole site; only made once nothing was found wrong with it."""

    domains: tuple[str, ...]
    vpn: Vpn | None
    redis_primary: str
    local_networks: tuple[IPNetwork, ...]
    hosts: tuple[Host, ...] = field(default_factory=tuple)
