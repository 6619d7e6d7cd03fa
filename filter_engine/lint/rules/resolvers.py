"""DNS resolvers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from filter_engine.config.findings import Finding
from filter_engine.config.schema import Section
from filter_engine.lint.declare import rule
from filter_engine.lint.postfix import Parameter
from filter_engine.lint.situation import Place, Situation
from filter_engine.lint.tree import module_sections, texts
from filter_engine.ucl.nodes import UclObject

_RESOLV_CONF = "/etc/resolv.conf"
#: Operator -> addresses, as each publishes them.
_PUBLIC = {
    "Google": ("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"),
    "Cloudflare": (
        "1.1.1.1",
        "1.0.0.1",
        "1.1.1.2",
        "1.0.0.2",
        "2606:4700:4700::1111",
        "2606:4700:4700::1001",
    ),
    "Quad9": ("9.9.9.9", "149.112.112.112", "9.9.9.10", "2620:fe::fe", "2620:fe::9"),
    "OpenDNS": ("208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53"),
    "AdGuard": ("94.140.14.14", "94.140.15.15", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff"),
    "Level 3": ("4.2.2.1", "4.2.2.2", "4.2.2.3", "4.2.2.4"),
    "Verisign": ("64.6.64.6", "64.6.65.6"),
    "Yandex": ("77.88.8.8", "77.88.8.1"),
    "DNS.WATCH": ("84.200.69.80", "84.200.70.40"),
}
_OPERATOR = {ip_address(text): name for name, texts in _PUBLIC.items() for text in texts}
_NAMESERVER = re.compile(r"\s*nameserver\s+(\S+)")
#: Modules that ask blocklists.
BLOCKLISTS = ("rbl", "surbl", "url_suspect")


@rule(
    "public-resolver",
    doc="Blocklists are asked through a public resolver: they refuse it or answer with nothing, "
    "for one resolver asks for all its users, so no sender is ever listed.",
)
def public_resolver(situation: Situation) -> Iterator[Finding]:
    """The site's own recursive resolver asks the lists."""
    if not _has_blocklists(situation):
        return
    for server, place in _nameservers(situation):
        try:
            operator = _OPERATOR.get(ip_address(server))
        except ValueError:
            continue
        if operator:
            yield situation.finding(
                "public-resolver",
                place,
                f"{server} is {operator}'s public resolver: blocklists do not answer it, so no "
                "sender is ever listed",
                "name a recursive resolver of your own, e.g. unbound on 127.0.0.1",
            )


def _has_blocklists(situation: Situation) -> bool:
    config = situation.config
    written = {name for name, section in module_sections(config.tree, *BLOCKLISTS) if len(section)}
    served = {
        name
        for name in BLOCKLISTS
        if config.is_enabled(name) and _has_rules(config.modules.get(name))
    }
    return bool(written | served)


def _has_rules(section: Section | None) -> bool:
    """Whether a module has lists."""
    return any(getattr(section, key, None) for key in ("rbls", "rules"))


def _nameservers(situation: Situation) -> Iterator[tuple[str, Place]]:
    """The resolvers written in the configuration, else those of the host."""
    dns = situation.config.options.dns
    if dns.nameservers is not None:
        nodes = [
            (value, node)
            for options in situation.config.tree.values("options")
            if isinstance(options, UclObject)
            for section in options.values("dns")
            if isinstance(section, UclObject)
            for value, node in texts(section, "nameserver", "nameservers", "servers")
        ]
        for upstream in dns.nameservers:
            place = next((n.origin for value, n in nodes if upstream.host in value), None)
            yield upstream.host, place or dns.origin("nameservers")
    elif situation.host is not None:
        for number, line in enumerate((situation.host.text(_RESOLV_CONF) or "").splitlines(), 1):
            found = _NAMESERVER.match(line)
            if found:
                file = str(situation.host.path(_RESOLV_CONF))
                yield found[1], Parameter("nameserver", found[1], file, number)
