"""The lab's Internet, read from internet.yml into plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import yaml

from lab.paths import PACKAGE

DATA = PACKAGE / "internet.yml"


@dataclass(frozen=True)
class Link:
    """The one network all hosts share; `controller` is the controller's address in each family."""

    ipv4: IPv4Network
    ipv6: IPv6Network
    controller: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """A named machine on the Internet; `forward` and `reverse` say which names DNS knows."""

    fqdn: str
    addresses: tuple[str, ...]
    forward: bool = True
    reverse: bool = True


@dataclass(frozen=True)
class RootServer:
    """The authoritative server for the private root and everything below."""

    name: str
    address: str


@dataclass(frozen=True)
class MailDomain:
    """A mail domain: its servers (names of senders or `receiver`) and what it publishes."""

    servers: tuple[str, ...] = ()
    spf: str | None = None
    dkim: Mapping[str, str] = field(default_factory=dict)
    """Selector -> kind of key (`lab.keys.DKIM_KINDS`); the first signs unless told otherwise."""
    dmarc: str | None = None
    text: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further TXT records by name below the domain, `@` for the domain itself."""
    bogus: bool = False
    """Signed by a key that its DS record does not know: SERVFAIL from a validating resolver."""


@dataclass(frozen=True)
class Internet:
    """All of internet.yml."""

    link: Link
    name: str
    host: Server
    root_server: RootServer
    senders: dict[str, Server]
    receiver: Server
    domains: dict[str, MailDomain]

    @property
    def servers(self) -> dict[str, Server]:
        """Senders and the receiver by name."""
        return {**self.senders, "receiver": self.receiver}

    @property
    def held_addresses(self) -> tuple[str, ...]:
        """Every address the Internet host answers for besides its own on the link."""
        return (
            self.root_server.address,
            *(address for server in self.servers.values() for address in server.addresses),
        )


def _server(facts: dict[str, Any]) -> Server:
    return Server(**{**facts, "addresses": tuple(facts["addresses"])})


def _domain(facts: dict[str, Any]) -> MailDomain:
    dkim = facts.get("dkim", {})
    text = {
        name: tuple(value) if isinstance(value, list) else (value,)
        for name, value in facts.get("text", {}).items()
    }
    servers = tuple(facts.get("servers", ()))
    if isinstance(dkim, str):
        dkim = {dkim: "rsa"}
    return MailDomain(**{**facts, "servers": servers, "dkim": dkim, "text": text})


@cache
def load_internet() -> Internet:
    """Read internet.yml (part of the project: its mistakes are programming errors)."""
    data = yaml.safe_load(DATA.read_text())
    link, host = data["link"], dict(data["host"])
    name = host.pop("name")
    return Internet(
        link=Link(IPv4Network(link["ipv4"]), IPv6Network(link["ipv6"]), tuple(link["controller"])),
        name=name,
        host=_server(host),
        root_server=RootServer(**data["root_server"]),
        senders={name: _server(facts) for name, facts in data["senders"].items()},
        receiver=_server(data["receiver"]),
        domains={name: _domain(facts) for name, facts in data["domains"].items()},
    )
