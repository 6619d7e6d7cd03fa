"""The DNS record of a DKIM key: RFC 6376, section 3.6; RFC 8463, section 4, for Ed25519."""

from __future__ import annotations

import base64
import re

ALGORITHMS = ("rsa", "ed25519")
# SubjectPublicKeyInfo of RFC 8410: everything before the 32 octets of an Ed25519 key.
ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
MAX_STRING = 255  # octets of one character-string, RFC 1035, section 3.3

_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")
_SELECTOR = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z", re.IGNORECASE
)


def public_key(spki: bytes) -> tuple[str, str]:
    """Return (algorithm, base64 of the `p=` tag) of a SubjectPublicKeyInfo in DER."""
    if spki.startswith(ED25519_SPKI_PREFIX) and len(spki) == len(ED25519_SPKI_PREFIX) + 32:
        return "ed25519", base64.b64encode(spki[-32:]).decode()
    return "rsa", base64.b64encode(spki).decode()


def txt_value(algorithm: str, key: str) -> str:
    """Return the TXT value for a key; raises ValueError for another algorithm or a bad key."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    base64.b64decode(key, validate=True)
    return f"v=DKIM1; k={algorithm}; p={key}"


def record_name(selector: str, domain: str) -> str:
    """Return `SELECTOR._domainkey.DOMAIN` (RFC 6376, section 3.6.2.1), without a final dot."""
    for kind, name in (("selector", selector), ("domain", domain)):
        if not _SELECTOR.match(name):
            raise ValueError(f"{kind} {name!r} is not a domain name: no spaces, no final dot")
    return f"{selector}._domainkey.{domain}"


def txt_strings(value: str) -> list[str]:
    """Split a TXT value into strings of at most 255 octets; raises ValueError unless ASCII."""
    if not _PRINTABLE.match(value):
        raise ValueError("a TXT value here is printable ASCII on one line")
    pieces = range(0, len(value), MAX_STRING)
    return [value[start : start + MAX_STRING] for start in pieces] or [""]


def zone_text(strings: list[str]) -> str:
    """Return strings as the data of a TXT record in a zone file (RFC 1035, section 5.1)."""
    quoted = ('"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"' for s in strings)
    return "( " + " ".join(quoted) + " )" if len(strings) > 1 else next(quoted)
