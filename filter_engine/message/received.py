"""Received fields (RFC 5321, section 4.4) with the parts Rspamd names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Received:
    """One trace field. Names are as Rspamd's; unknown parts are None."""

    from_hostname: str | None = None
    """What the client called itself (HELO)."""
    real_hostname: str | None = None
    """The client's name as the receiving host looked it up."""
    from_ip: str | None = None
    """The client's address in canonical form."""
    by_hostname: str | None = None
    for_: str | None = None
    """The recipient of the ``for`` clause without angle brackets."""
    proto: str = "unknown"
    """smtp, esmtp, esmtps, esmtpa, esmtpsa, lmtp, imap, local, http, mapi or unknown."""
    timestamp: float | None = None
    """Seconds since the epoch."""
    ssl: bool = False
    authenticated: bool = False
    raw: str = ""
    """The unfolded field."""
