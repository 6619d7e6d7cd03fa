"""Mail addresses of header fields (RFC 5322, section 3.4) and of the wild."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One address. Equal addresses compare equal by all their fields; use ``email`` to match."""

    display: str | None
    """Display name, quotes and encoded words decoded; None when there is none."""
    local: str
    """Local part as written; ``""`` with an empty domain for ``<>`` and for unparsable text."""
    domain: str
    """In lower case; ``""`` when there is none."""
    valid: bool = True
    """It reads as local@domain."""

    @property
    def email(self) -> str:
        """``local@domain``, without the ``@`` when there is no domain."""
        return f"{self.local}@{self.domain}" if self.domain else self.local
