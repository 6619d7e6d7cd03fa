"""What DKIM needs of ``cryptography``: loaded when keys are used (``load_primitives``)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

__all__ = [
    "HASHES",
    "PADDING",
    "Ed25519PrivateKey",
    "Ed25519PublicKey",
    "Encoding",
    "Hash",
    "InvalidSignature",
    "PublicFormat",
    "RSAPrivateKey",
    "RSAPublicKey",
    "UnsupportedAlgorithm",
    "load_der_private_key",
    "load_der_public_key",
    "load_pem_private_key",
]

PADDING = PKCS1v15()
HASHES = {"sha256": SHA256(), "sha1": SHA1()}  # noqa: S303  # to say "policy", never "pass"
