"""Host names that providers give to their customers' lines, weighed from 1 to 5."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_network
from typing import Final

from filter_engine.scan.task import client_ip

# What stands in the names of lines, by weight. A word counts between separators, after digits
# or before digits: 12-34.dynamic.example, host12dsl.example, pool-12.example.
_WORDS: Final = {
    5: (
        "nat|homeuser|pppoe|ppp|dynamic|dynip|catv|comcast|broadband|brodband|bredband|broad|wifi"
        "|gprs|cdma|dhcp|cablemodem|modem|dial-?up|pptp|[ax]?dsl-dynamic"
    ),
    4: "fbx|pool|in-?addr|fibertel|[ax]?dsl(?:-line)?",
    3: "unused-addr|kabel|cable",
    2: "host",
    1: "peer|user|customers?|clients?",
}
# "client" and "dyn" are words of other names too: only beside numbers of several digits.
_EXTRA: Final = {
    5: "|".join(
        (r"clients?[-.]\d\d", r"[-.\d]\d{3}[-.]?client", r"dyn[-.]\d[-.\d]", r"[-.\d]\d[-.]dyn")
    )
}
_PATTERNS: Final = tuple(
    (
        weight,
        re.compile(
            rf"[.-](?:{words})[.-]|[-.0-9][0-9][.-]?(?:{words})|(?:{words})[.-][0-9]"
            + (f"|{_EXTRA[weight]}" if weight in _EXTRA else ""),
            re.IGNORECASE,
        ),
    )
    for weight, words in _WORDS.items()
)
# Any of the words anywhere: most names have none, and need no further look.
_ANY_WORD: Final = re.compile("|".join((*_WORDS.values(), "dyn")), re.IGNORECASE)
# Four numbers of IPv4, or what begins as IPv6.
_BARE_IP: Final = re.compile("[.x-]".join([r"\d+"] * 4) + "|[0-9a-f]+:.*", re.IGNORECASE)
_FQDN: Final = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+[a-z0-9-]{2,63}\.?", re.IGNORECASE)
_LONGEST: Final = 255
"""Characters of a name whose weight is kept."""
# RFC 6890 and its updates: addresses that no client on the Internet has.
_SPECIAL: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "::1/128",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
    )
)


def line_weight(host: str) -> int:
    """How much a host name looks like a customer's line: 0 not at all, 5 surely."""
    return _kept_weight(host) if len(host) <= _LONGEST else _weight(host)


def _weight(host: str) -> int:
    if _ANY_WORD.search(host) is None:
        return 0
    return next((weight for weight, pattern in _PATTERNS if pattern.search(host)), 0)


# HELO is often the host name, and who sends once sends again: what was weighed lately is kept.
_kept_weight = lru_cache(maxsize=512)(_weight)


def helo_weight(helo: str) -> int:
    """The weight of a HELO name: one without a dot counts 5."""
    return 5 if "." not in helo else line_weight(helo)


def is_special_address(text: str) -> bool:
    """Whether the text is an address that no client on the Internet can have."""
    address = client_ip(text)
    return address is not None and any(address in network for network in _SPECIAL)


def is_bare_address(text: str) -> bool:
    """Whether the text is an address, dots or not, where a name should be."""
    return _BARE_IP.fullmatch(text) is not None


def is_fqdn(host: str) -> bool:
    """Whether a name has a valid form and at least two labels."""
    return 4 <= len(host) <= 253 and _is_fqdn(host)


@lru_cache(maxsize=512)
def _is_fqdn(host: str) -> bool:
    return _FQDN.fullmatch(host) is not None
