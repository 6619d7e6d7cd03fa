"""URLs as found in text and HTML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Url:
    """One URL of the message."""

    text: str
    """Normalised: scheme and host in lower case."""
    scheme: str
    user: str | None
    host: str
    """Lower case, IDN as written, address literals without brackets."""
    port: int | None
    path: str
    """Path, query and fragment as written."""
    esld: str
    """Registrable domain (public suffix plus one label), else the host."""
    origin: str
    """``text`` or ``html``."""
    display: str | None = None
    """Visible text of the link it was in (HTML)."""
