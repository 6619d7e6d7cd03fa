"""Which name servers there are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NameServer:
    """One recursive resolver."""

    address: str
    """IPv4 or IPv6 address without brackets."""
    port: int = 53
    weight: int = 1
    """Only their order counts: the highest is asked first, the next after a timeout."""
