"""Private keys as people hand them over: PEM, or base64 of the same without its BEGIN and END.

What `filter-engine` reads as a key is read here too.
"""

from __future__ import annotations

import base64
import binascii
import re

MAX_KEY_BYTES = 64 << 10
# PrivateKeyInfo of RFC 8410, section 7: everything before the 32 octets of the seed.
_ED25519_PKCS8_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_COLUMNS = 64
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")


class KeyTextError(ValueError):
    """The text is no private key; the message never quotes it."""


def as_pem(text: bytes) -> bytes:
    """Return a private key as PEM. PEM itself may be indented, or folded into one line.

    Base64 may be a PKCS#1 or PKCS#8 structure in DER, or an Ed25519 seed. Whether the key is any
    good is for openssl to say. Raises `KeyTextError`.
    """
    if len(text) > MAX_KEY_BYTES:
        raise KeyTextError("the text is too large for a private key")
    block = _BLOCK.search(text)
    if block is not None:
        body = b"".join(block[2].split())
        if not _BASE64.match(body):  # header fields: a passphrase, which openssl refuses
            return text.strip() + b"\n"
        return _wrapped(body.decode(), block[1].decode())
    packed = b"".join(text.split())
    raw = raw_ed25519(packed)
    if raw is not None:
        return _pem(_ED25519_PKCS8_PREFIX + raw[:32], "PRIVATE KEY")
    try:
        der = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        der = b""
    kind = _kind(der)
    if kind is None:
        raise KeyTextError("the text is neither PEM nor base64 of a private key")
    return _pem(der, kind)


def raw_ed25519(content: bytes) -> bytes | None:
    """Return the 32 octets (seed) or 64 (seed, public key) of a base64 line, or None."""
    try:
        raw = base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) in (32, 64) else None


def _kind(der: bytes) -> str | None:
    """The label of a SEQUENCE of version 0 and an INTEGER (RFC 8017) or a SEQUENCE (RFC 5208)."""
    if len(der) < 16 or der[0] != 0x30:
        return None
    start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    if der[start : start + 3] != b"\x02\x01\x00":
        return None
    return {0x02: "RSA PRIVATE KEY", 0x30: "PRIVATE KEY"}.get(der[start + 3])


def _pem(der: bytes, kind: str) -> bytes:
    return _wrapped(base64.b64encode(der).decode(), kind)


def _wrapped(body: str, kind: str) -> bytes:
    """PEM of a body in base64 (RFC 7468)."""
    lines = [body[start : start + _COLUMNS] for start in range(0, len(body), _COLUMNS)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode()
