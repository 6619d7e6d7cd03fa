"""Who is let in without a password."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from filter_engine.config.findings import Finding, Severity
from filter_engine.config.workers import ControllerConfig, FuzzyConfig
from filter_engine.lint.declare import rule
from filter_engine.lint.situation import Situation
from filter_engine.lint.tree import texts

#: Shortest prefixes of a network that one site may own; private ones may be shorter.
_SHORTEST = {4: 16, 6: 32}
_MEANING = {
    "secure_ip": "need no password: they may read and change everything",
    "secure_ips": "need no password: they may read and change everything",
    "trusted_ips": "are believed about the client's address, and so need no password either",
    "allow_update": "may teach and forget fuzzy hashes",
}


@rule(
    "open-to-the-world",
    Severity.ERROR,
    doc="secure_ip, trusted_ips or the fuzzy storage's allow_update holds networks of strangers "
    "(0.0.0.0/0, ::/0, or a public network too large to be one site's): they need no password.",
)
def open_to_the_world(situation: Situation) -> Iterator[Finding]:
    """``secure_ip = "0.0.0.0/0"`` switches the password off."""
    for placed in situation.workers:
        if not placed.worker.active:
            continue
        if isinstance(placed.worker, ControllerConfig):
            keys: tuple[str, ...] = ("secure_ip", "secure_ips", "trusted_ips")
        elif isinstance(placed.worker, FuzzyConfig):
            keys = ("allow_update",)
        else:
            continue
        for key in keys:
            for value, node in texts(placed.section, key):
                for word in value.replace(",", " ").replace(";", " ").split():
                    network = _network(word)
                    if network is None or not _is_open(network):
                        continue
                    whole = "all the world" if network.prefixlen == 0 else f"all of {network}"
                    yield situation.finding(
                        "open-to-the-world",
                        node.origin,
                        f"{key} {word!r}: {whole} {_MEANING[key]}",
                        "name the hosts that need it, e.g. 127.0.0.1, ::1 and the VPN's network",
                        Severity.ERROR,
                    )


def _network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word.strip("[]"), strict=False)
    except ValueError:
        return None


def _is_open(network: IPv4Network | IPv6Network) -> bool:
    if network.prefixlen == 0:
        return True
    return network.prefixlen < _SHORTEST[network.version] and not network.is_private
