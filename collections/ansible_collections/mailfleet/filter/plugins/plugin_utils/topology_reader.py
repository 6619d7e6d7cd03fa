"""Reads a `topology.yml` into a `Topology`, or raises every problem of the file at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

import yaml
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import (
    ROLES,
    VPN_INTERFACE,
    VPN_PORT,
    Address,
    Host,
    IPNetwork,
    Problem,
    Resolver,
    Topology,
    TopologyError,
    Vpn,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_rules import check_site
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_values import (
    ValueReader,
    did_you_mean,
    line_of,
)

PLUGIN_NAME = "mailfleet.filter.topology"
MAX_BYTES = 1 << 20

_SITE_KEYS = ("plugin", "domains", "vpn", "redis_primary", "local_networks", "resolvers", "hosts")
_VPN_KEYS = ("ipv4", "ipv6", "port", "interface")
_HOST_KEYS = ("role", "fqdn", "vpn", "lan", "public", "resolvers")
# Group names of every inventory, and a name that means the controller.
_RESERVED_NAMES = ("all", "ungrouped", "site", "localhost", *ROLES)
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# IFNAMSIZ of Linux is 16 with the final NUL.
_INTERFACE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,14}\Z")


def read_topology(text: str, path: str) -> Topology:
    """Read the text of a topology file; `path` is only for messages.

    Raises `TopologyError` with all problems, each with its line and fix.
    """
    if len(text.encode()) > MAX_BYTES:
        problem = Problem(
            1, "the file is larger than 1 MiB", "a topology holds hosts and addresses"
        )
        raise TopologyError(path, [problem])
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = f"the file is not YAML: {error.problem or error.context}"
        fix = 'check brackets and indents, and quote IPv6 addresses: "2001:db8::1"'
        raise TopologyError(path, [Problem(line, what, fix)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        problem = Problem(
            1, f"the file is not YAML: {error}", "write plain text, not nested deeply"
        )
        raise TopologyError(path, [problem]) from error
    if root is None:
        raise TopologyError(
            path, [Problem(1, "the file is empty", f"begin: plugin: {PLUGIN_NAME}")]
        )
    return _TopologyReader().read(root, path)


class _TopologyReader(ValueReader):
    """One pass over the nodes of one file."""

    def read(self, root: yaml.Node, path: str) -> Topology:
        site = self.mapping(root, "the topology", _SITE_KEYS)
        self._plugin(site.get("plugin"), root)
        domains = self._domains(site.get("domains"), root)
        vpn = self._vpn(site["vpn"][1]) if "vpn" in site else None
        local_networks = (
            self._networks(site["local_networks"][1]) if "local_networks" in site else ()
        )
        common = self._resolvers(site["resolvers"][1], "resolvers") if "resolvers" in site else ()
        hosts = self._hosts(site.get("hosts"), root, domains, common)
        primary = self._redis_primary(site.get("redis_primary"), root, hosts)
        self.problems += check_site(hosts, vpn, vpn_given="vpn" in site)
        if self.problems:
            raise TopologyError(path, self.problems)
        return Topology(domains, vpn, primary, local_networks, tuple(hosts))

    def _plugin(self, entry: tuple[yaml.Node, yaml.Node] | None, root: yaml.Node) -> None:
        if entry is None:
            self.problem(root, 'key "plugin" is missing', f"add: plugin: {PLUGIN_NAME}")
            return
        name = self.text(entry[1], "plugin")
        if name is not None and name != PLUGIN_NAME:
            self.problem(entry[1], f'plugin is "{name}"', f'write "{PLUGIN_NAME}"')

    def _domains(
        self, entry: tuple[yaml.Node, yaml.Node] | None, root: yaml.Node
    ) -> tuple[str, ...]:
        if entry is None:
            self.problem(root, 'key "domains" is missing', "add: domains: [example.net]")
            return ()
        nodes = self.items(entry[1], "domains")
        if isinstance(entry[1], yaml.SequenceNode) and not nodes:
            self.problem(entry[1], "domains is empty", "name the site's mail domains")
        domains: list[str] = []
        for node in nodes:
            name = self.domain(node, "domain")
            if name in domains:
                self.problem(node, f'domain "{name}" is given twice', "remove one")
            elif name is not None:
                domains.append(name)
        return tuple(domains)

    def _vpn(self, node: yaml.Node) -> Vpn | None:
        keys = self.mapping(node, "vpn", _VPN_KEYS)
        ipv4 = ipv6 = None
        port, interface = VPN_PORT, VPN_INTERFACE
        if "ipv4" in keys:
            ipv4 = self.network_of(keys["ipv4"][1], "vpn.ipv4", IPv4Network)
        elif isinstance(node, yaml.MappingNode):
            self.problem(node, "vpn has no ipv4 network", 'add: ipv4: "10.195.171.0/24"')
        if "ipv6" in keys:
            ipv6 = self.network_of(keys["ipv6"][1], "vpn.ipv6", IPv6Network)
        if "port" in keys:
            port = self.port(keys["port"][1], "vpn.port") or VPN_PORT
        if "interface" in keys:
            name = self.text(keys["interface"][1], "vpn.interface")
            if name is not None and not _INTERFACE_NAME.match(name):
                self.problem(
                    keys["interface"][1],
                    f'vpn.interface "{name}" is not an interface name',
                    "use at most 15 lower case letters and digits, as in wg0",
                )
            interface = name or VPN_INTERFACE
        return None if ipv4 is None else Vpn(ipv4, ipv6, port, interface, line_of(node))

    def _networks(self, node: yaml.Node) -> tuple[IPNetwork, ...]:
        networks: list[IPNetwork] = []
        for item in self.items(node, "local_networks"):
            network = self.network(item, "local network")
            if network in networks:
                self.problem(item, f'local network "{network}" is given twice', "remove one")
            elif network is not None:
                networks.append(network)
        return tuple(networks)

    def _resolvers(self, node: yaml.Node, where: str) -> tuple[Resolver, ...]:
        read = [self.resolver(item, "resolver") for item in self.items(node, where)]
        return tuple(one for one in read if one)

    def _hosts(
        self,
        entry: tuple[yaml.Node, yaml.Node] | None,
        root: yaml.Node,
        domains: tuple[str, ...],
        common: tuple[Resolver, ...],
    ) -> list[Host]:
        if entry is None:
            self.problem(root, 'key "hosts" is missing', "describe the hosts of the site")
            return []
        empty = isinstance(entry[1], yaml.MappingNode) and not entry[1].value
        if empty or entry[1].tag == "tag:yaml.org,2002:null":
            self.problem(entry[0], "hosts is empty", "describe at least one host")
            return []
        hosts = []
        for name, (key, node) in self.mapping(entry[1], "hosts", None).items():
            if not _HOST_NAME.match(name):
                fix = "use lower case letters, digits and hyphens; the full name belongs in fqdn"
                self.problem(key, f'host name "{name}" is not a plain host name', fix)
            elif name in _RESERVED_NAMES:
                self.problem(
                    key, f'host name "{name}" is a name of the inventory', "rename the host"
                )
            hosts.append(self._host(name, key, node, domains, common))
        return hosts

    def _host(
        self,
        name: str,
        key: yaml.Node,
        node: yaml.Node,
        domains: tuple[str, ...],
        common: tuple[Resolver, ...],
    ) -> Host:
        where = f'host "{name}"'
        keys = self.mapping(node, where, _HOST_KEYS)
        fqdn = f"{name}.{domains[0]}" if domains else name
        if "fqdn" in keys:
            fqdn = self.domain(keys["fqdn"][1], f"fqdn of {where}") or fqdn
        roles: tuple[str, ...] = ()
        if "role" in keys:
            roles = self._roles(keys["role"][1], where)
        else:
            self.problem(key, f"{where} has no role", "add: role: mas or role: mx")
        lists, unread = self._address_lists(key, keys, where)
        resolvers = common
        if "resolvers" in keys:
            resolvers = self._resolvers(keys["resolvers"][1], f"resolvers of {where}")
        line = line_of(key)
        return Host(name, line, roles, fqdn, **lists, resolvers=resolvers, unread=unread)

    def _address_lists(
        self, key: yaml.Node, keys: Mapping[str, tuple[yaml.Node, yaml.Node]], where: str
    ) -> tuple[dict[str, tuple[Address, ...]], frozenset[str]]:
        """Return the host's lists, and the names of those with a problem."""
        lists: dict[str, tuple[Address, ...]] = {}
        unread = set()
        for name in ("vpn", "lan", "public"):
            before = len(self.problems)
            lists[name] = ()
            if name in keys:
                lists[name] = self.addresses(keys[name][1], f"{name} of {where}")
            elif name == "public":
                fix = "add its public addresses, or public: [] behind NAT"
                self.problem(key, f"{where} has no public addresses", fix)
            if len(self.problems) > before:
                unread.add(name)
        return lists, frozenset(unread)

    def _roles(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            self.problem(node, f"{where} has no role", "name mas, mx or both: [mas, mx]")
        roles = set()
        for item in nodes:
            role = self.text(item, f"role of {where}")
            if role is None:
                continue
            if role not in ROLES:
                self.problem(item, f'unknown role "{role}" of {where}', did_you_mean(role, ROLES))
            elif role in roles:
                self.problem(item, f'role "{role}" of {where} is given twice', "remove one")
            roles.add(role)
        return tuple(role for role in ROLES if role in roles)

    def _redis_primary(
        self, entry: tuple[yaml.Node, yaml.Node] | None, root: yaml.Node, hosts: list[Host]
    ) -> str:
        names = [host.name for host in hosts]
        if entry is None:
            if len(hosts) > 1:
                fix = f"add: redis_primary: {names[0]}"
                self.problem(root, 'key "redis_primary" is missing', fix)
            return names[0] if names else ""
        name = self.text(entry[1], "redis_primary") or ""
        if name and name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            fix = f'did you mean "{near[0]}"?' if near else f"hosts: {', '.join(names) or 'none'}"
            self.problem(entry[1], f'redis_primary "{name}" is not a host of this site', fix)
        return name
