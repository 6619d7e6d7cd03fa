"""Addresses and networks, wherever they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network

from filter_engine.config.findings import Finding
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import scalars, text

_ONE_ADDRESS = re.compile(r"([0-9A-Fa-f:.]+)/(32|128)\Z")
#: An address whose last so many bits are zero looks like a network's.
_ZERO_BITS = {4: 8, 6: 64}


@rule(
    "network-as-host",
    doc="A /128 or /32 on what looks like a network's address (2001:db8:1:2::/128): only that one "
    "address is meant, which no host has, and the network's hosts are left out.",
)
def network_as_host(situation: Situation) -> Iterator[Finding]:
    """A prefix length of another network, copied."""
    for path, node in scalars(situation.config.tree):
        value = text(node)
        if "/32" not in value and "/128" not in value:
            continue
        for word in value.replace(",", " ").replace(";", " ").split():
            found = _ONE_ADDRESS.match(word)
            if not found:
                continue
            try:
                network = ip_network(word)
            except ValueError:
                continue
            zero = _ZERO_BITS[network.version]
            number = int(network.network_address)
            if network.prefixlen != network.max_prefixlen or not number or number % (1 << zero):
                continue
            meant = f"{found[1]}/{network.max_prefixlen - zero}"
            yield situation.finding(
                "network-as-host",
                node.origin,
                f"{'.'.join(path)}: {word} is one address, and its end is zero as a network's is: "
                "the hosts of that network are not meant by it",
                f"write {meant} for the network, or the host's own address",
            )
