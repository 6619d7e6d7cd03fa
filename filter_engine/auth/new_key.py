"""New DKIM keys, and the record of a key as a zone file has it."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from filter_engine.auth.signing_key import SigningKey

ALGORITHMS: Final = ("rsa", "ed25519")
MIN_BITS: Final = 1024
"""Less must not sign (RFC 8301, section 3.2)."""
MAX_BITS: Final = 4096
"""More need not be verified by anybody (RFC 8301, section 3.2)."""
_MAX_STRING: Final = 255
"""Octets of one string of a TXT record (RFC 1035, section 3.3)."""


def new_key(algorithm: str, bits: int = 2048) -> bytes:
    """The content of a new key file, in the form of ``rspamadm dkim_keygen``.

    RSA: PEM of PKCS#8; Ed25519: base64 of the seed and the public key, which Rspamd reads. Raises
    ``ValueError`` for another algorithm, or RSA of fewer than 1024 or more than 4096 bits.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    if algorithm == "ed25519":
        seed = ed25519.Ed25519PrivateKey.generate()
        raw = seed.private_bytes_raw() + seed.public_key().public_bytes_raw()
        return b64encode(raw) + b"\n"
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"RSA of {bits} bits: write {MIN_BITS} to {MAX_BITS}")
    made = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def record_strings(key: SigningKey) -> tuple[str, ...]:
    """The strings of its TXT record: one for the tags, then ``p=``, 255 octets at most each."""
    head, _, public = key.record.partition("p=")
    public = "p=" + public
    starts = range(0, len(public), _MAX_STRING)
    return (head, *(public[start : start + _MAX_STRING] for start in starts))


def zone_line(key: SigningKey, selector: str) -> str:
    """The record in a domain's zone file, in the form of ``rspamadm dkim_keygen``."""
    head, *rest = (f'"{string}"' for string in record_strings(key))
    return f"{selector}._domainkey IN TXT ( {head}\n\t" + "\n\t".join(rest) + " ) ;"
