"""Reads single values of a `topology.yml` from YAML nodes and notes what is wrong with them.

The file is composed, not constructed: nodes keep their line, and an unquoted `10` or `no` stays the
text the operator wrote.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable
from typing import TypeVar

import yaml
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import (
    Address,
    IPAddress,
    IPNetwork,
    Problem,
    Resolver,
)

# RFC 1123, section 2.1: letters, digits and hyphens, no hyphen at either end; lower case here.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_MAX_NAME = 253  # RFC 1035, section 2.3.4, without the root label

Network = TypeVar("Network", ipaddress.IPv4Network, ipaddress.IPv6Network)


def line_of(node: yaml.Node) -> int:
    """Return the line of a node, counted from 1."""
    return int(node.start_mark.line) + 1


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a fix naming the nearest known word, or all of them."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return "known: " + ", ".join(words)


def domain_fault(name: str) -> tuple[str, str] | None:
    """Return what is wrong with a domain name and the fix, or None (RFC 1123, section 2.1)."""
    if not name.isascii():
        return "is not ASCII", "write it as A-labels (xn--...)"
    if name != name.lower():
        return "has upper case letters", f'write "{name.lower()}"'
    if name.endswith("."):
        return "ends with a dot", f'write "{name.rstrip(".")}"'
    labels = name.split(".")
    if len(name) > _MAX_NAME or not all(_LABEL.match(label) for label in labels):
        return "is not a domain name", "use letters, digits, hyphens and dots"
    if len(labels) < 2 or labels[-1].isdigit():
        return "is not a full domain name", 'write it like "example.net"'
    return None


class ValueReader:
    """Turns YAML nodes into values; collects `problems` instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, node: yaml.Node, what: str, fix: str) -> None:
        """Note a problem at the node's line."""
        self.problems.append(Problem(line_of(node), what, fix))

    def mapping(
        self, node: yaml.Node, where: str, known: Iterable[str] | None
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return key -> (key node, value node); `known` None allows every key."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{where} is not a mapping", 'write it as "key: value" lines')
            return {}
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(key_node, f"{where} has a key that is no word", "use a plain word")
                continue
            key = str(key_node.value)
            if key in found:
                first = line_of(found[key][0])
                self.problem(
                    key_node,
                    f'key "{key}" of {where} is given twice (first in line {first})',
                    "remove one",
                )
                continue
            if known is not None and key not in known:
                self.problem(key_node, f'unknown key "{key}" in {where}', did_you_mean(key, known))
                continue
            found[key] = (key_node, value_node)
        return found

    def text(self, node: yaml.Node, where: str) -> str | None:
        """Return a scalar as it was written, without the empty one."""
        if not isinstance(node, yaml.ScalarNode):
            self.problem(node, f"{where} is not a single value", "write one word")
            return None
        if not node.value or node.tag == "tag:yaml.org,2002:null":
            self.problem(node, f"{where} is empty", "give it a value or remove the key")
            return None
        return str(node.value)

    def items(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return the nodes of a list."""
        if not isinstance(node, yaml.SequenceNode):
            self.problem(node, f"{where} is not a list", "write it in brackets: [a, b]")
            return []
        return list(node.value)

    def domain(self, node: yaml.Node, where: str) -> str | None:
        """Return a domain name."""
        name = self.text(node, where)
        if name is None:
            return None
        fault = domain_fault(name)
        if fault:
            self.problem(node, f'{where} "{name}" {fault[0]}', fault[1])
            return None
        return name

    def port(self, node: yaml.Node, where: str) -> int | None:
        """Return a port, 1 to 65535."""
        text = self.text(node, where)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 65535):
            self.problem(node, f'{where} "{text}" is not a port', "use a number from 1 to 65535")
            return None
        return int(text)

    def address(self, node: yaml.Node, where: str) -> Address | None:
        """Return an address a host can have: not loopback, multicast, link-local or unspecified."""
        text = self.text(node, where)
        if text is None:
            return None
        try:
            ip: IPAddress = ipaddress.ip_address(text)
        except ValueError:
            fix = "write a plain IPv4 or IPv6 address"
            if "/" in text:
                fix = f'write it without the prefix length: "{text.partition("/")[0]}"'
            self.problem(node, f'{where} "{text}" is not an IP address', fix)
            return None
        kinds = {
            "an unspecified": ip.is_unspecified,
            "a loopback": ip.is_loopback,
            "a multicast": ip.is_multicast,
            "a link-local": ip.is_link_local,
            "a scoped": "%" in text,
            "the broadcast": text == "255.255.255.255",
        }
        for kind, is_it in kinds.items():
            if is_it:
                self.problem(
                    node,
                    f'{where} "{text}" is {kind} address',
                    "use an address other hosts can reach",
                )
                return None
        return Address(ip, line_of(node))

    def addresses(self, node: yaml.Node, where: str) -> tuple[Address, ...]:
        """Return a list of addresses, IPv4 first, otherwise in the order of the file."""
        read = [self.address(item, f"address in {where}") for item in self.items(node, where)]
        return tuple(sorted((one for one in read if one), key=lambda one: one.ip.version))

    def network(self, node: yaml.Node, where: str) -> IPNetwork | None:
        """Return a network in CIDR notation (RFC 4632, section 3.1).

        Host bits are a problem; the network is returned without them all the same, so that what
        depends on it is checked in the same run.
        """
        text = self.text(node, where)
        if text is None:
            return None
        try:
            return ipaddress.ip_network(text)
        except ValueError:
            try:
                loose = ipaddress.ip_network(text, strict=False)
            except ValueError:
                self.problem(
                    node, f'{where} "{text}" is not a network', 'write it like "192.0.2.0/24"'
                )
                return None
        self.problem(node, f'{where} "{text}" has host bits set', f'write "{loose}"')
        return loose

    def network_of(self, node: yaml.Node, where: str, kind: type[Network]) -> Network | None:
        """Return a network of one family."""
        network = self.network(node, where)
        if network is None or isinstance(network, kind):
            return network
        wanted = "IPv4" if kind is ipaddress.IPv4Network else "IPv6"
        self.problem(node, f'{where} "{network}" is not an {wanted} network', "swap the two")
        return None

    def resolver(self, node: yaml.Node, where: str) -> Resolver | None:
        """Return a resolver: `address`, `IPv4:port` or `[IPv6]:port`; the port defaults to 53."""
        text = self.text(node, where)
        if text is None:
            return None
        found = re.fullmatch(r"\[([^]]+)\](?::(\d{1,5}))?|([0-9.]+):(\d{1,5})|(.*)", text, re.S)
        host, port = text, 53
        if found:
            host = found.group(1) or found.group(3) or found.group(5) or ""
            port = int(found.group(2) or found.group(4) or 53)
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            address = None
        if address is None or not 1 <= port <= 65535:
            self.problem(
                node,
                f'{where} "{text}" is not a resolver',
                'write an address, "192.0.2.1:53" or "[2001:db8::1]:53"',
            )
            return None
        return Resolver(address, port)
