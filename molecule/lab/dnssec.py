"""Signing the lab's zones (RFC 4035): one key for all of them, and the DS records that lead to it.

A zone of `bogus` has a DS record that fits no key: a validating resolver answers SERVFAIL.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdtypes.ANY.DNSKEY
import dns.rdtypes.ANY.DS
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.keys import KeyPair

ALGORITHM = 13
"""ECDSA with P-256 and SHA-256 (RFC 6605)."""
_FLAGS = 257  # zone key and secure entry point: one key signs everything
_SHA256 = 2


@dataclass(frozen=True)
class DnsKeys:
    """What a lab's DNS is made with at boot: the key that signs every zone, and the secret (base64)
    that the site's operator changes the site's zones with."""

    zone: KeyPair
    update_secret: str


def zone_key() -> KeyPair:
    """A new key; private in PEM (PKCS #8), public as the rdata of its DNSKEY record."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = dns.dnssec.make_dnskey(key.public_key(), ALGORITHM, _FLAGS)
    return KeyPair(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        public.to_text().encode(),
    )


def ds_record(origin: str, public: bytes, *, bogus: bool = False) -> str:
    """Rdata of the DS record of a zone; `bogus` gives it the digest of another key."""
    key = dns.rdata.from_text("IN", "DNSKEY", public.decode())
    name = dns.name.from_text(origin)
    ds = dns.dnssec.make_ds(name, key, _SHA256)  # type: ignore[arg-type]  # it is a DNSKEY
    digest = hashlib.sha256(ds.digest).digest() if bogus else ds.digest
    return f"{ds.key_tag} {ALGORITHM} {_SHA256} {digest.hex()}"


def trust_anchor(public: bytes) -> str:
    """The anchor of the lab's root, in zone form."""
    return f". IN DS {ds_record('.', public)}"
