"""What a site wants to stand in DNS, read from the mapping that role dns_records makes.

No Ansible here. Every fault is a `DnsSiteError` that names the variable's key and the likely fix.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mailfleet.filter.plugins.plugin_utils.topology_values import (
    did_you_mean,
    domain_fault,
)

Data = Mapping[str, Any]

DMARC_POLICIES = ("none", "quarantine", "reject")
MTA_STS_MODES = ("none", "testing", "enforce")
SPF_ENDINGS = ("-all", "~all", "?all")
MAX_AGE = 31557600
"""Seconds a policy may be kept at most (RFC 8461, section 3.2)."""
MAX_TTL = 2**31 - 1
"""RFC 2181, section 8."""


class DnsSiteError(ValueError):
    """The description cannot be used; the text names the key and the likely fix."""


@dataclass(frozen=True)
class MailHost:
    """A host as the Internet sees it."""

    fqdn: str
    roles: tuple[str, ...]
    addresses: tuple[str, ...]

    @property
    def role(self) -> str:
        """What it is, in words."""
        words = {"mas": "mail access server", "mx": "mail exchanger"}
        return " and ".join(words.get(role, role) for role in self.roles) or "host"


@dataclass(frozen=True)
class Spf:
    """Who may send (RFC 7208). `addresses` come besides the hosts'; empty `ending`: no record."""

    ending: str = "-all"
    includes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dmarc:
    """RFC 7489, section 6.3. Empty `policy`: no record."""

    policy: str = "none"
    subdomain_policy: str = ""
    adkim: str = "r"
    aspf: str = "r"
    percent: int = 100
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()


@dataclass(frozen=True)
class MtaSts:
    """RFC 8461. Empty `mode`: no record. `host` serves the policy over HTTPS."""

    mode: str = ""
    max_age: int = 604800
    host: str = ""


@dataclass(frozen=True)
class Policy:
    """What a domain says of its mail."""

    spf: Spf
    dmarc: Dmarc
    mta_sts: MtaSts
    tls_rpt: tuple[str, ...]


@dataclass(frozen=True)
class DnsSite:
    """A whole site, as its records are computed from it."""

    domains: tuple[str, ...]
    hosts: tuple[MailHost, ...]
    policies: Mapping[str, Policy]
    ttl: int = 3600
    preference: int = 10
    keys: tuple[Data, ...] = ()
    further: tuple[Data, ...] = ()
    certificates: Mapping[str, str] = field(default_factory=dict)
    tlsa_ports: tuple[int, ...] = ()
    resolvers: tuple[str, ...] = ()

    @property
    def exchangers(self) -> tuple[MailHost, ...]:
        """The hosts that take mail from the Internet; a host of its own takes it itself."""
        return tuple(host for host in self.hosts if "mx" in host.roles) or self.hosts


_SITE = (
    *("domains", "hosts", "ttl", "mx_preference", "spf", "dmarc", "mta_sts", "tls_rpt"),
    *("overrides", "keys", "further", "certificates", "tlsa_ports", "resolvers"),
)
_POLICY = ("spf", "dmarc", "mta_sts", "tls_rpt")


def read_site(data: Data) -> DnsSite:
    """Return the site of a description. Raises `DnsSiteError`."""
    _known(data, _SITE, "the description")
    domains = tuple(_name(one, "domains") for one in _list(data, "domains"))
    if len(set(domains)) != len(domains):
        raise DnsSiteError("domains: one is given twice; remove it")
    overrides = _mapping(data, "overrides")
    _known(overrides, domains, "overrides")
    base = {key: data.get(key) for key in _POLICY}
    return DnsSite(
        domains=domains,
        hosts=tuple(_host(one) for one in _list(data, "hosts")),
        policies={
            domain: _policy(_merged(base, _mapping(overrides, domain)), domain)
            for domain in domains
        },
        ttl=_number(data, "ttl", 3600, 0, MAX_TTL),
        preference=_number(data, "mx_preference", 10, 0, 65535),
        keys=tuple(_list(data, "keys")),
        further=tuple(_list(data, "further")),
        certificates={str(k): str(v) for k, v in _mapping(data, "certificates").items()},
        tlsa_ports=tuple(
            _number({"tlsa_ports": port}, "tlsa_ports", 0, 1, 65535)
            for port in _list(data, "tlsa_ports")
        ),
        resolvers=tuple(_address(one, "resolvers") for one in _list(data, "resolvers")),
    )


def _policy(data: Data, domain: str) -> Policy:
    _known(data, _POLICY, f"overrides of {domain}")
    spf, dmarc, sts = (_mapping(data, key) for key in ("spf", "dmarc", "mta_sts"))
    _known(spf, ("ending", "includes", "addresses"), "spf")
    _known(
        dmarc,
        ("policy", "subdomain_policy", "adkim", "aspf", "percent", "rua", "ruf"),
        "dmarc",
    )
    _known(sts, ("mode", "max_age", "host"), "mta_sts")
    host = str(sts.get("host") or "")
    return Policy(
        Spf(
            ending=_choice(spf, "ending", "-all", ("", *SPF_ENDINGS), "spf"),
            includes=tuple(
                _name(one, "spf includes", underscores=True) for one in _list(spf, "includes")
            ),
            addresses=tuple(_network(one) for one in _list(spf, "addresses")),
        ),
        Dmarc(
            policy=_choice(dmarc, "policy", "none", ("", *DMARC_POLICIES), "dmarc"),
            subdomain_policy=_choice(dmarc, "subdomain_policy", "", ("", *DMARC_POLICIES), "dmarc"),
            adkim=_choice(dmarc, "adkim", "r", ("r", "s"), "dmarc"),
            aspf=_choice(dmarc, "aspf", "r", ("r", "s"), "dmarc"),
            percent=_number(dmarc, "percent", 100, 0, 100),
            rua=_report_addresses(dmarc, "rua", "dmarc"),
            ruf=_report_addresses(dmarc, "ruf", "dmarc"),
        ),
        MtaSts(
            mode=_choice(sts, "mode", "", ("", *MTA_STS_MODES), "mta_sts"),
            max_age=_number(sts, "max_age", 604800, 0, MAX_AGE),
            host=_name(host, "mta_sts host") if host else "",
        ),
        _report_addresses(data, "tls_rpt", domain, schemes=("mailto:", "https:")),
    )


def _merged(below: Data, above: Data) -> dict[str, Any]:
    """Override a domain's policy key by key, mappings one level deep."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = {**known, **value}
        merged[key] = value
    return merged


def _host(data: object) -> MailHost:
    if not isinstance(data, Mapping) or "fqdn" not in data:
        raise DnsSiteError("hosts: each is a mapping with fqdn, roles and public_addresses")
    fqdn = _name(data["fqdn"], "hosts")
    addresses = tuple(_address(one, f"hosts: {fqdn}") for one in _list(data, "public_addresses"))
    return MailHost(fqdn, tuple(str(role) for role in _list(data, "roles")), addresses)


def _known(data: Data, keys: Iterable[str], where: str) -> None:
    keys = list(keys)
    for key in data:
        if key not in keys:
            raise DnsSiteError(f'unknown key "{key}" in {where}; {did_you_mean(str(key), keys)}')


def _mapping(data: Data, key: str) -> Data:
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DnsSiteError(f'{key} is not a mapping; write it as "key: value" lines')
    return value


def _list(data: Data, key: str) -> list[Any]:
    value = data.get(key)
    if value is None:
        return []
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise DnsSiteError(f"{key} is not a list; write it in brackets: [a, b]")
    return list(value)


def _name(value: object, where: str, *, underscores: bool = False) -> str:
    """Return a host or domain; with `underscores` any name of records (`_spf.example.net`)."""
    name = str(value)
    fault = domain_fault(name.replace("_", "x") if underscores else name)
    if fault:
        raise DnsSiteError(f'{where}: "{name}" {fault[0]}; {fault[1]}')
    return name


def _address(value: object, where: str) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError as error:
        raise DnsSiteError(f"{where}: {error}; write a plain address") from error


def _network(value: object) -> str:
    text = str(value)
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise DnsSiteError(f"spf addresses: {error}; write an address or a network") from error
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else text


def _number(data: Data, key: str, default: int, least: int, most: int) -> int:
    value = data.get(key, default)
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise DnsSiteError(f"{key} is {value!r}; write a number from {least} to {most}")
    return number


def _choice(data: Data, key: str, default: str, choices: tuple[str, ...], where: str) -> str:
    value = str(data.get(key, default) or "")
    if value not in choices:
        named = ", ".join(choice or '""' for choice in choices)
        raise DnsSiteError(f'{where}: {key} is "{value}"; write one of {named}')
    return value


def _report_addresses(
    data: Data, key: str, where: str, schemes: tuple[str, ...] = ("mailto:",)
) -> tuple[str, ...]:
    """URIs of reports; a plain address becomes `mailto:`. Commas and such must be encoded."""
    found = []
    for one in _list(data, key):
        uri = str(one)
        if "@" in uri and not uri.startswith(schemes):
            uri = f"mailto:{uri}"
        if not uri.startswith(schemes) or any(c in uri for c in ',;! "\\') or not uri.isprintable():
            raise DnsSiteError(
                f'{where}: {key}: "{one}" is no address to report to; begin it with '
                f'{" or ".join(schemes)} and write "," ";" "!" as %2C %3B %21'
            )
        found.append(uri)
    return tuple(found)
