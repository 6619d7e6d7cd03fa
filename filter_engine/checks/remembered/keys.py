"""How keys are made of what a message has, and who is left out. Source: Rspamd 3.4's keys."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv6Address

from filter_engine.config.base32 import encode_base32
from filter_engine.message.address import Address
from filter_engine.scan.task import Task


def digest(data: bytes, length: int) -> bytes:
    """The first characters of the base32 of BLAKE2b-512."""
    return encode_base32(hashlib.blake2b(data).digest(), length).encode()


def octets(text: str) -> bytes:
    """A text as it came in; ``?`` for half characters that stand for no octet. Never raises."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def network(ip: IPv4Address | IPv6Address, ipv4_mask: int, ipv6_mask: int) -> str:
    """The first address of the client's network; a longer mask than an address is all of it."""
    left = max(ip.max_prefixlen - (ipv4_mask if ip.version == 4 else ipv6_mask), 0)
    return str(type(ip)(int(ip) >> left << left))


def is_rspamc(task: Task) -> bool:
    """Somebody asks by hand, not an MTA: nothing is to be remembered of it."""
    envelope = task.envelope
    return envelope.user_agent == "rspamc" or envelope.request_header("Password") is not None


def reply_sender(task: Task) -> str | None:
    """Whom an answer goes to: the first address of Reply-To, else of From."""
    message = task.message
    found: tuple[Address, ...] = message.reply_to or message.from_addresses
    return found[0].email or None if found else None
