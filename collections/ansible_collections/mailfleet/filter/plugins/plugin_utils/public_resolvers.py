"""Resolvers open to everybody. DNS blocklists refuse them: one resolver asks for all its users."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

OPERATORS = {
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
"""Operator -> addresses, the same that the engine's rule `public-resolver` knows."""
_OPERATOR = {
    ipaddress.ip_address(text): name for name, texts in OPERATORS.items() for text in texts
}


def public_resolvers(addresses: Iterable[str]) -> list[str]:
    """Return those of `addresses` that are public resolvers, each with its operator.

    Raises ValueError for what is no IP address.
    """
    found = []
    for text in addresses:
        operator = _OPERATOR.get(ipaddress.ip_address(text))
        if operator:
            found.append(f"{text} ({operator})")
    return found
