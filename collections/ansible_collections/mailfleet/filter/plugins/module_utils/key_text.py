"""Private keys as people hand them over: PEM, or base64 of the same without its BEGIN and END."""

from __future__ import annotations

import base64
import binascii

from ansible_collections.mailfleet.filter.plugins.module_utils.openssl_key import (
    ED25519_PKCS8_PREFIX,
    MAX_KEY_BYTES,
    raw_ed25519,
)

_COLUMNS = 64


class KeyTextError(ValueError):
    """The text is no private key; the message never quotes it."""


def as_pem(text: bytes) -> bytes:
    """Return a private key as PEM; PEM itself as it is, apart from white space at its ends.

    Base64 may be a PKCS#1 or PKCS#8 structure in DER, or an Ed25519 seed. Whether the key is any
    good is for openssl to say. Raises `KeyTextError`.
    """
    if len(text) > MAX_KEY_BYTES:
        raise KeyTextError("the text is too large for a private key")
    if b"-----BEGIN " in text:
        return text.strip() + b"\n"
    packed = b"".join(text.split())
    raw = raw_ed25519(packed)
    if raw is not None:
        return _pem(ED25519_PKCS8_PREFIX + raw[:32], "PRIVATE KEY")
    try:
        der = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        der = b""
    kind = _kind(der)
    if kind is None:
        raise KeyTextError("the text is neither PEM nor base64 of a private key")
    return _pem(der, kind)


def _kind(der: bytes) -> str | None:
    """The label of a SEQUENCE of version 0 and an INTEGER (RFC 8017) or a SEQUENCE (RFC 5208)."""
    if len(der) < 16 or der[0] != 0x30:
        return None
    start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    if der[start : start + 3] != b"\x02\x01\x00":
        return None
    return {0x02: "RSA PRIVATE KEY", 0x30: "PRIVATE KEY"}.get(der[start + 3])


def _pem(der: bytes, kind: str) -> bytes:
    body = base64.b64encode(der).decode()
    lines = [body[start : start + _COLUMNS] for start in range(0, len(body), _COLUMNS)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode()
