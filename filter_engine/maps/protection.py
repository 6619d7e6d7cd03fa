"""Signed and encrypted maps.

A signature is Ed25519 (RFC 8032) over the file as it is, 64 octets in ``NAME.sig``; keys are
written in Rspamd's base32 (``rspamadm signtool``). An encrypted map (``NAME.enc``) is NaCl's
secretbox: a nonce of 24 octets, then the box; the key is BLAKE2b-256 of the decoded secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from filter_engine.config.base32 import decode_base32

SIGNATURE_SUFFIX: Final = ".sig"
ENCRYPTED_SUFFIX: Final = ".enc"
_KEY_SIZE: Final = 32


def public_key(text: str) -> bytes:
    """A public key from base32. Raises ``ValueError``."""
    key = decode_base32(text.strip())
    if len(key) != _KEY_SIZE:
        raise ValueError("a public key has 52 characters of base32")
    return key


def is_signed(data: bytes, signature: bytes, keys: Iterable[bytes]) -> bool:
    """Whether any of ``keys`` made the signature of ``data``."""
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    for key in keys:
        try:
            VerifyKey(key).verify(data, signature)
        except (CryptoError, ValueError):
            continue
        return True
    return False


def secret_key(text: str) -> bytes:
    """The key that ``options.maps.secretbox_key`` (base64) means. Raises ``ValueError``."""
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("the key is no base64") from None
    return blake2b(secret, digest_size=_KEY_SIZE).digest()


def decrypted(data: bytes, key: bytes) -> bytes:
    """What a box holds. Raises ``ValueError`` when the key does not fit or the box is damaged."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        return SecretBox(key).decrypt(data)
    except (CryptoError, ValueError):
        raise ValueError("the key does not fit, or the file is damaged") from None
