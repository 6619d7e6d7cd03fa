"""Domain names: whether they can be asked, their form on the wire, who they belong to."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_NAME = 255
"""Octets of a name on the wire with its length bytes and the root (RFC 1035, section 2.3.4)."""
MAX_LABEL = 63
"""Octets of one label (RFC 1035, section 2.3.4)."""
MAX_UNICODE = 1024
"""Characters of a name that is not ASCII yet: no longer one can become a name of ``MAX_NAME``."""

# Names come from strangers, so what is kept of them is bounded in length as well as in number:
# each public function turns away what no name can be, before its memory sees it.

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NEVER_IN_HOSTS = re.compile(
    r"[\x00-,/:-@\[-^`{-\xa0\u2000-\u200a\u200e-\u206f\u3000\ufffd\ud800-\udfff]+"
)
"""ASCII but letters, digits, ``-``, ``.``, ``_``; spaces and marks of no width."""
_DOTS = re.compile(r"\.{2,}")
_LENGTHS = {length: bytes((length,)) for length in range(1, MAX_LABEL + 1)}


@cache
def public_suffixes() -> PublicSuffixList:
    """The list of public suffixes, read at the first call: a scanner does that before it forks."""
    from publicsuffixlist import PublicSuffixList  # commands that scan nothing do without

    return PublicSuffixList(accept_unknown=True)


def to_wire(name: str) -> bytes | None:
    """The wire form of an absolute name written without its final dot; None when it has none.

    Labels may hold any ASCII character (names that come out of SPF macros do). The empty name is
    the root.
    """
    # Not kept: to remember the names of some hundred messages costs more than it saves.
    if not name:
        return b"\0"
    if len(name) > MAX_NAME or not name.isascii():
        return None
    labels = name.encode("ascii").split(b".")
    try:
        wire = b"".join([_LENGTHS[len(label)] + label for label in labels]) + b"\0"
    except KeyError:  # a label is empty or too long
        return None
    return wire if len(wire) <= MAX_NAME else None


def to_ascii(name: str) -> str | None:
    """The name in lower case without final dot, U-labels turned into A-labels (RFC 5890).

    None when a label cannot be written that way, or the name is longer than one can be.
    """
    if name.isascii():  # nearly all
        return name.removesuffix(".").lower() if len(name) <= MAX_NAME else None
    return _to_ascii(name) if len(name) <= MAX_UNICODE else None


@lru_cache(maxsize=1024)
def _to_ascii(name: str) -> str | None:
    name = name.removesuffix(".")
    import dns.exception  # here, as few names are not ASCII
    import dns.name

    try:
        encoded = dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_UTS_46)
    except (dns.exception.DNSException, UnicodeError):
        return None
    return encoded.to_text(omit_final_dot=True).lower()


def cleaned_host(text: str) -> str:
    """The domain that ends an address as people read it: in A-labels, ``""`` without any.

    ``example.net;`` of a group without angle brackets, ``example.net,`` and control characters
    behind the name are no host names, yet they are shown as the domain. Where the text is none,
    its first run of characters that host names have is taken.
    """
    name = to_ascii(text)
    if name is not None and _HOST.fullmatch(name):
        return name
    runs = (run.strip(".") for run in _NEVER_IN_HOSTS.split(text[:MAX_UNICODE]))
    run = next(filter(None, runs), "")
    return to_ascii(_DOTS.sub(".", run)) or ""


def is_hostname(name: str) -> bool:
    """Whether a name can belong to a mail domain: two labels or more, none empty, none too long.

    Underscores and other odd characters pass, as DNS carries them.
    """
    return "." in name and to_wire(name) is not None


def reverse_name(address: IPv4Address | IPv6Address) -> str:
    """The name of an address's PTR records (RFC 1035, section 3.5; RFC 3596, section 2.5)."""
    return address.reverse_pointer


def organisational_domain(name: str) -> str:
    """The registered domain above a name, by the public suffix list (RFC 7489, section 3.2).

    A public suffix or a single label is its own organisational domain, and so is what is longer
    than a name can be. Under top-level domains that the list does not know, two labels are taken.
    """
    return _organisational_domain(name) if len(name) <= MAX_NAME else name.rstrip(".").lower()


@lru_cache(maxsize=16384)
def _organisational_domain(name: str) -> str:
    name = name.rstrip(".").lower()
    return public_suffixes().privatesuffix(name) or name


def is_below(name: str, parent: str) -> bool:
    """Whether ``name`` equals ``parent`` or is a subdomain of it; both in lower case."""
    return name == parent or name.endswith("." + parent)
