"""TLSA data of a certificate: DANE-EE, public key, SHA-256 (RFC 6698; RFC 7672, section 3.1.1)."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization


class CertificateError(ValueError):
    """The text holds no certificate that can be read."""


def tlsa_value(pem: str) -> str:
    """Return `3 1 1 HASH` of the first certificate; it stays the same while the key does.

    Raises `CertificateError`.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnicodeError) as error:
        raise CertificateError(
            "not a certificate in PEM; give the file that begins with it"
        ) from error
    return f"3 1 1 {hashlib.sha256(key).hexdigest()}"
