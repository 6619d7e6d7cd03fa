"""Certificates for Redis over TLS, made from the site's one secret.

The authority's key is scrypt (RFC 7914) of the password, so it stands nowhere and nothing has to be
kept: who knows the password, and administers every instance with it, can make the certificates
again, and nobody else. Keys and signatures are Ed25519 (RFC 8410), which has no random part: the
same password, host and year give the same octets, and a second run changes nothing.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.1", "::1")
YEARS_BEFORE, YEARS_AFTER = 1, 3
"""From January of the year before it was made to the end of the second year after."""
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}
_ALWAYS = datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, section 4.1.2.5: an authority without an end; a new password makes a new one."""


@dataclass(frozen=True)
class Issued:
    """PEM texts: the authority's certificate, and the host's with its private key."""

    authority: str
    certificate: str


def issue(password: str, name: str, addresses: Sequence[str], year: int) -> Issued:
    """Return what a host needs. Raises ValueError for what is no address, or no password."""
    if not password:
        raise ValueError("the password is empty")
    secret = _stretched(password)
    signing = _key(secret, b"authority")
    own = _key(secret, f"host {name} {year}".encode())
    authority = _authority(signing)
    found = [ipaddress.ip_address(one) for one in dict.fromkeys((*addresses, *LOOPBACK))]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _begun(own, signing, name, authority.subject)
        .not_valid_before(datetime(year - YEARS_BEFORE, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(year + YEARS_AFTER, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(one) for one in found]), critical=False
        )
        .sign(signing, None)
    )
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Issued(_pem(authority), _pem(certificate) + key.decode())


@lru_cache(maxsize=8)  # a tree is rendered in many steps, and each asks
def _stretched(password: str) -> bytes:
    """Slow on purpose: who sees a certificate can try passwords on it."""
    return hashlib.scrypt(password.encode(), salt=b"mailfleet redis tls", dklen=32, **_COST)


def _key(secret: bytes, purpose: bytes) -> Ed25519PrivateKey:
    seed = hashlib.blake2b(purpose, key=secret, digest_size=32).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _authority(key: Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailfleet Redis")])
    return (
        _begun(key, key, "mailfleet Redis", name)
        .not_valid_before(_ALWAYS[0])
        .not_valid_after(_ALWAYS[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(key, None)
    )


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _begun(
    key: Ed25519PrivateKey, signing: Ed25519PrivateKey, name: str, issuer: x509.Name
) -> x509.CertificateBuilder:
    """A certificate without dates; its number is made from what it says."""
    public = key.public_key()
    number = hashlib.blake2b(public.public_bytes_raw(), digest_size=16).digest()
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(int.from_bytes(number, "big") >> 1 | 1)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
