"""Sets of IP addresses and networks with a fast membership test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


_LONGEST = 64
"""Characters of an address that is remembered: with a scope it may be longer."""


def parse_address(text: str) -> Address | None:
    """The address a text is; None when it is none.

    What was read lately is kept: one message names its relays several times, and relays come again.
    """
    return _kept_address(text) if len(text) <= _LONGEST else _read_address(text)


def _read_address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


_kept_address = lru_cache(maxsize=2048)(_read_address)


class AddressSet:
    """An immutable set of networks; ``ip in networks`` costs one set look-up per prefix length."""

    __slots__ = ("_ipv4", "_ipv6", "networks")

    def __init__(self, networks: Iterable[Network | str] = ()) -> None:
        """Take networks or their text form; host bits must be clear (``ValueError``)."""
        self.networks: tuple[Network, ...] = tuple(
            dict.fromkeys(ip_network(n) if isinstance(n, str) else n for n in networks)
        )
        by_prefix: dict[tuple[int, int], set[int]] = {}
        for network in self.networks:
            shift = network.max_prefixlen - network.prefixlen
            prefixes = by_prefix.setdefault((network.version, shift), set())
            prefixes.add(int(network.network_address) >> shift)
        self._ipv4, self._ipv6 = (
            tuple(
                (shift, frozenset(prefixes))
                for (family, shift), prefixes in sorted(by_prefix.items())
                if family == version
            )
            for version in (4, 6)
        )

    def __contains__(self, address: Address | str | None) -> bool:
        if address is None:
            return False
        if isinstance(address, str):
            try:
                address = ip_address(address)
            except ValueError:
                return False
        if isinstance(address, IPv6Address):
            mapped = address.ipv4_mapped
            prefixes_of, address = (self._ipv6, address) if mapped is None else (self._ipv4, mapped)
        else:
            prefixes_of = self._ipv4
        if not prefixes_of:
            return False
        number = int(address)
        for shift, prefixes in prefixes_of:  # noqa: SIM110  # a generator takes longer
            if (number >> shift) in prefixes:
                return True
        return False

    def __or__(self, other: AddressSet) -> AddressSet:
        return AddressSet((*self.networks, *other.networks))

    def __iter__(self) -> Iterator[Network]:
        return iter(self.networks)

    def __len__(self) -> int:
        return len(self.networks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressSet) and set(self.networks) == set(other.networks)

    def __hash__(self) -> int:
        return hash(frozenset(self.networks))

    def __repr__(self) -> str:
        return f"AddressSet([{', '.join(map(str, self.networks))}])"


LOOPBACK = AddressSet(("127.0.0.0/8", "::1/128"))

#: Rspamd's shipped ``local_addrs`` (options.inc): what counts as local when a site says nothing.
PRIVATE = AddressSet(
    (
        "192.168.0.0/16",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "fd00::/8",
        "169.254.0.0/16",
        "fe80::/10",
    )
)
