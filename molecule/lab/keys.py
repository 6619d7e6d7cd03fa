"""Keys and passwords of a lab: made at `up`, gone with `down`, never in the repository."""

from __future__ import annotations

import base64
import datetime
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lab.programs import run


@dataclass(frozen=True)
class KeyPair:
    """Private key (OpenSSH or PEM) and public key (OpenSSH line or PEM certificate)."""

    private: bytes
    public: bytes


def ssh_key_pair() -> KeyPair:
    """A new Ed25519 key for SSH."""
    key = ed25519.Ed25519PrivateKey.generate()
    return KeyPair(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        ),
        key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ),
    )


DKIM_KINDS = ("rsa", "ed25519", "short", "revoked")
"""RSA of 2048 bits, Ed25519 (RFC 8463), RSA of 512 bits, and a key whose record is empty."""


def dkim_key_pair(kind: str = "rsa") -> KeyPair:
    """A new key for DKIM, of a kind above.

    Private as dkimpy takes it (PEM; Ed25519: the seed in base64), public the value of its record
    (RFC 6376, section 3.6.1; RFC 8463, section 4).
    """
    if kind == "ed25519":
        edwards = ed25519.Ed25519PrivateKey.generate()
        public = base64.b64encode(edwards.public_key().public_bytes_raw()).decode()
        seed = base64.b64encode(edwards.private_bytes_raw())
        return KeyPair(seed, f"v=DKIM1; k=ed25519; p={public}".encode())
    key = _short_rsa() if kind == "short" else rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    if kind == "revoked":
        return KeyPair(private, b"v=DKIM1; k=rsa; p=")
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(private, f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}".encode())


def _short_rsa() -> rsa.RSAPrivateKey:
    """RSA of 512 bits, which the library makes no more."""
    done = run(["openssl", "genrsa", "512"])
    key = serialization.load_pem_private_key(done.stdout, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def self_signed_certificate(fqdn: str) -> KeyPair:
    """A key and a certificate for one name, good for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, fqdn)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(fqdn)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )


def tsig_secret() -> str:
    """A random secret for HMAC-SHA256 in base64 (RFC 8945)."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def password() -> str:
    """A random password of 24 URL-safe characters."""
    return secrets.token_urlsafe(18)


def write_private(path: Path, content: bytes | str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
