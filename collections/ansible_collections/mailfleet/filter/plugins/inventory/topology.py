# Copyright (c) mailfleet authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Inventory plugin `mailfleet.filter.topology`: a site in one file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: topology
short_description: Describes a mail site in one file
version_added: 0.1.0
author: The mailfleet authors (@mailfleet)
description:
  - Reads C(topology.yml) (or C(topology.yaml)), checks it as a whole and emits the groups C(site),
    C(mas) and C(mx) and the C(site_*) host variables from which the roles take their defaults.
  - Everything is computed once, here; templates compute nothing and never read C(hostvars).
  - All problems of the file are reported at once, each with file, line and likely fix; then nothing
    is emitted.
  - Also sets C(ansible_host) to the first public address (else VPN, else LAN), as a variable of the
    group C(site), so that any C(group_vars), C(host_vars) or later inventory source overrides it.
  - C(group_vars) and C(host_vars) beside the file work as with any inventory.
notes:
  - Ansible only warns about an inventory source it cannot read. Set C(any_unparsed_is_failed) in
    the C([inventory]) section of C(ansible.cfg); then a faulty topology stops the run at once, and
    no other plugin reads the file as something else.
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [mailfleet.filter.topology]
  domains:
    description: The mail domains of the site. The first one is the primary domain.
    type: list
    elements: str
    required: true
  vpn:
    description: The mesh between the hosts. Required with more than one host.
    type: dict
    suboptions:
      ipv4:
        description: IPv4 network in CIDR notation.
        type: str
        required: true
      ipv6:
        description: IPv6 network in CIDR notation. Without it the mesh is IPv4 only.
        type: str
      port:
        description: UDP port every host listens on.
        type: int
        default: 51820
      interface:
        description: Name of the interface.
        type: str
        default: wg0
  redis_primary:
    description: The host that holds the Redis primary. Required with more than one host.
    type: str
  local_networks:
    description:
      - Further networks of the site in CIDR notation. Those of the hosts and the VPN are added by
        themselves.
    type: list
    elements: str
    default: []
  resolvers:
    description:
      - Resolvers outside the site (C(192.0.2.1), C(192.0.2.1:53) or C([2001:db8::1]:53)) that hosts
        ask after their own and before their peers.
    type: list
    elements: str
    default: []
  hosts:
    description: The hosts of the site by their short names, in the order in which peers are asked.
    type: dict
    required: true
    suboptions:
      role:
        description:
          - V(mas) (mailboxes, submission), V(mx) (receives from the Internet) or both as a list.
        type: list
        elements: str
        choices: [mas, mx]
        required: true
      public:
        description: Public addresses. An empty list for a MAS behind NAT.
        type: list
        elements: str
        required: true
      vpn:
        description: The VPN addresses, exactly one of each network of O(vpn).
        type: list
        elements: str
      lan:
        description: Addresses in a local network.
        type: list
        elements: str
      fqdn:
        description: Full name. By default the short name and the primary domain.
        type: str
      resolvers:
        description: Overrides O(resolvers) for this host.
        type: list
        elements: str
"""

EXAMPLES = r"""
# inventories/mysite/topology.yml
plugin: mailfleet.filter.topology
domains: [example.net]
vpn: {ipv4: 10.195.171.0/24, ipv6: "fdc1:d89e:b128:6a04::/64"}
redis_primary: charlotte
hosts:
  charlotte:
    role: mas
    public: [203.0.113.54, "2001:db8:48d1::54"]
    vpn: [10.195.171.241, "fdc1:d89e:b128:6a04::29ab"]
    lan: [172.27.88.10]
  dolores:
    role: mx
    public: [203.0.113.142, "2001:db8:48d1::142"]
    vpn: [10.195.171.142, "fdc1:d89e:b128:6a04::7de4"]

# One host for everything needs neither VPN nor primary
# plugin: mailfleet.filter.topology
# domains: [example.net]
# hosts:
#   solo: {role: [mas, mx], public: [203.0.113.54]}
"""

from pathlib import Path
from typing import Any, NoReturn

from ansible import constants
from ansible.errors import AnsibleParserError, ExitCode
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template
from ansible.utils.display import Display
from ansible_collections.mailfleet.filter.plugins.plugin_utils.site_variables import (
    host_groups,
    host_variables,
)
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_model import TopologyError
from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_reader import (
    PLUGIN_NAME,
    read_topology,
)

# A group's variable from an inventory source has the lowest precedence there is: even a file
# group_vars/all wins, as for a site managed over its VPN.
ANSIBLE_HOST = "{{ site_address }}"
FILE_NAMES = ("topology.yml", "topology.yaml")


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]  # ansible-core ships no types
    """Shell around `read_topology` and `host_variables`."""

    NAME = PLUGIN_NAME

    def verify_file(self, path: str) -> bool:
        """Tell whether the file is for this plugin, by its name."""
        return bool(super().verify_file(path)) and Path(path).name in FILE_NAMES

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory, or show all problems of the file and emit nothing.

        Raises `SystemExit` where `any_unparsed_is_failed` is set, else `AnsibleParserError`.
        """
        super().parse(inventory, loader, path, cache=cache)
        try:
            topology = read_topology(Path(path).read_text(encoding="utf-8"), path)
        except (OSError, UnicodeDecodeError) as error:
            _refuse(f"{path}: cannot be read: {error}")
        except TopologyError as error:
            _refuse(str(error))
        for group in ("site", "mas", "mx"):
            inventory.add_group(group)
        inventory.set_variable("site", "ansible_host", trust_as_template(ANSIBLE_HOST))
        for host in topology.hosts:
            inventory.add_host(host.name)
            for group in host_groups(host):
                inventory.add_host(host.name, group=group)
            for name, value in host_variables(topology, host).items():
                inventory.set_variable(host.name, name, value)


def _refuse(reason: str) -> NoReturn:
    """Give the file up.

    Ansible hands a file that one plugin raised an error for to the next. The yaml plugin takes a
    topology without its `plugin` key for groups, succeeds, and the error is never shown; otherwise
    it adds complaints of its own. So where an unread source is fatal anyway, the end comes here.
    """
    if constants.config.get_config_value("INVENTORY_ANY_UNPARSED_IS_FAILED"):
        Display().error(reason)
        raise SystemExit(int(ExitCode.PARSER_ERROR))
    raise AnsibleParserError(reason) from None
