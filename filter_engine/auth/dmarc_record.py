"""DMARC records as written (RFC 7489, section 6.3)."""

from __future__ import annotations

from filter_engine.auth.kept import kept
from filter_engine.auth.results import DmarcPolicy
from filter_engine.lazy_dataclass import settled

MAX_RECORD = 8192
"""Octets of a record that is read."""


class DmarcSyntaxError(ValueError):
    """A DMARC record that cannot be used; the text says why."""


@settled
class DmarcRecord:
    """A usable record."""

    policy: DmarcPolicy
    """``p``."""
    subdomain_policy: DmarcPolicy | None = None
    """``sp``."""
    strict_dkim: bool = False
    """``adkim=s``."""
    strict_spf: bool = False
    """``aspf=s``."""
    percent: int = 100
    """``pct``."""
    aggregate: tuple[str, ...] = ()
    """``rua``: where aggregate reports go."""
    failure: tuple[str, ...] = ()
    """``ruf``: where failure reports go."""
    failure_options: str = "0"
    """``fo``: which failures are reported."""


def is_record(text: bytes) -> bool:
    """Whether a TXT record is a DMARC record: ``v=DMARC1`` comes first (section 6.6.3)."""
    tag, equals, rest = text[:64].partition(b"=")
    version = rest.partition(b";")[0].strip()
    return bool(equals) and tag.strip().lower() == b"v" and version == b"DMARC1"


def parse_record(text: bytes) -> DmarcRecord:
    """Read one record for which ``is_record`` is true; unknown tags are ignored.

    Raises DmarcSyntaxError for a value that is not allowed.
    """
    if len(text) > MAX_RECORD:
        raise DmarcSyntaxError(f"record of {len(text)} octets")
    return _parse(text)


@kept
def _parse(text: bytes) -> DmarcRecord:
    tags: dict[str, str] = {}
    for part in text.decode("utf-8", "replace").split(";"):
        tag, equals, value = part.partition("=")
        if equals:
            tags.setdefault(tag.strip().lower(), value.strip())
    return DmarcRecord(
        policy=_policy(tags, "p") or DmarcPolicy.NONE,
        subdomain_policy=_policy(tags, "sp"),
        strict_dkim=_strict(tags, "adkim"),
        strict_spf=_strict(tags, "aspf"),
        percent=_percent(tags.get("pct", "100")),
        aggregate=_addresses(tags.get("rua", "")),
        failure=_addresses(tags.get("ruf", "")),
        failure_options=_failure_options(tags.get("fo", "0")),
    )


def _policy(tags: dict[str, str], tag: str) -> DmarcPolicy | None:
    value = tags.get(tag)
    if value is None:
        return None
    try:
        return DmarcPolicy(value.lower())
    except ValueError:
        raise DmarcSyntaxError(f"{tag} tag has invalid value: {value[:40]}") from None


def _strict(tags: dict[str, str], tag: str) -> bool:
    value = tags.get(tag, "r").lower()
    if value not in ("r", "s"):
        raise DmarcSyntaxError(f"{tag} tag has invalid value: {value[:40]}")
    return value == "s"


def _percent(text: str) -> int:
    # A value that is not allowed counts as absent (section 6.3: unknown or wrong tags are ignored).
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return 100
    return min(int(text), 100)


def _failure_options(text: str) -> str:
    words = [word.strip().lower() for word in text.split(":")]
    return ":".join(word for word in words if word in ("0", "1", "d", "s")) or "0"


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(uri for uri in (item.strip() for item in text.split(",")) if uri)
