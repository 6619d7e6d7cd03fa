"""The site under test, read plainly from its topology.yml.

The lab needs three facts of each host: its name, its full name and its public addresses. It does
not check the file; that is the inventory plugin's work.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError


@dataclass(frozen=True)
class SiteHost:
    """One host of the site, as the Internet sees it."""

    name: str
    fqdn: str
    roles: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """A mail site: its domains (the first is primary) and its hosts, in the file's order."""

    domains: tuple[str, ...]
    hosts: tuple[SiteHost, ...]

    @property
    def mail_exchangers(self) -> tuple[SiteHost, ...]:
        """The hosts that take mail from the Internet; a host of its own takes it itself."""
        return tuple(host for host in self.hosts if "mx" in host.roles) or self.hosts


def load_site(directory: Path) -> Site:
    """Read `directory`/topology.yml. Raises LabError naming the file and what is missing."""
    path = directory / "topology.yml"
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise LabError(f"{path}: no such file; --site takes an inventory directory") from error
    except yaml.YAMLError as error:
        raise LabError(f"{path}: not YAML: {error}") from error
    try:
        domains = tuple(str(domain) for domain in data["domains"])
        hosts = tuple(_host(str(name), facts, domains[0]) for name, facts in data["hosts"].items())
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise LabError(
            f"{path}: {type(error).__name__}: {error}; see docs/site_variables.md"
        ) from error
    if not hosts:
        raise LabError(f"{path}: no hosts")
    return Site(domains, hosts)


def _host(name: str, facts: dict[str, Any], primary_domain: str) -> SiteHost:
    roles = facts.get("roles") or facts["role"]
    addresses = [ipaddress.ip_address(address) for address in facts["public"]]
    return SiteHost(
        name=name,
        fqdn=str(facts.get("fqdn") or f"{name}.{primary_domain}"),
        roles=(roles,) if isinstance(roles, str) else tuple(roles),
        addresses=tuple(str(address) for address in addresses),
    )
