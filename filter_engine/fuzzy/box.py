"""The secret box of Rspamd's protocols: X25519, XChaCha20 and Poly1305, put together its own way.

It is neither libsodium's secretbox nor RFC 8439's AEAD: the first block of the stream is the key of
Poly1305 alone, and the code is of the encrypted octets only. The parts are libraries'.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Final, NamedTuple

from filter_engine.config.base32 import encode_base32
from filter_engine.config.worker_keys import LENGTH as KEY

NONCE: Final = 24
MAC: Final = 16
_BLOCK: Final = 64
_CONSTANTS: Final = struct.unpack("<4I", b"expand 32-byte k")
_MASK: Final = 0xFFFFFFFF


class OpenError(ValueError):
    """What was sealed does not open: another key, or not as it was sent."""


class Keypair(NamedTuple):
    """Keys for agreement; 32 octets each."""

    private: bytes
    public: bytes

    @property
    def id(self) -> bytes:
        """The name of the key: requests begin with its first 8 octets."""
        return key_name(self.public)


def key_name(public: bytes) -> bytes:
    """The name of a public key."""
    return hashlib.blake2b(public).digest()


def write_key(key: bytes) -> str:
    """A key as it is written in a configuration."""
    return encode_base32(key)


def keypair(private: bytes) -> Keypair:
    """The pair of a private key."""
    from nacl.bindings import crypto_scalarmult_base

    return Keypair(private, crypto_scalarmult_base(private))


def new_keypair() -> Keypair:
    """A pair of its own."""
    return keypair(os.urandom(KEY))


class SharedKey:
    """What two holders of keys have in common."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, private: bytes, public: bytes) -> SharedKey:
        """The key between ``private`` and another's ``public``. Raises ``OpenError``."""
        from nacl.bindings import crypto_scalarmult
        from nacl.exceptions import CryptoError

        try:
            agreed = crypto_scalarmult(private, public)
        except (CryptoError, RuntimeError, ValueError):
            raise OpenError("the public key is none") from None
        return cls(_hchacha(agreed, bytes(16)))

    def seal(self, data: bytes, nonce: bytes | None = None) -> tuple[bytes, bytes, bytes]:
        """Nonce, code and encrypted octets. A nonce must never be used twice; leave it out."""
        nonce = os.urandom(NONCE) if nonce is None else nonce
        stream = self._stream(nonce, bytes(_BLOCK) + data)
        return nonce, _code(stream[:KEY], stream[_BLOCK:]), stream[_BLOCK:]

    def open(self, nonce: bytes, mac: bytes, data: bytes) -> bytes:
        """The octets that were sealed. Raises ``OpenError``."""
        import hmac

        opened = self._stream(nonce, bytes(_BLOCK) + data)
        if not hmac.compare_digest(_code(opened[:KEY], data), mac):
            raise OpenError("it was sealed for another key, or has changed on its way")
        return opened[_BLOCK:]

    def _stream(self, nonce: bytes, data: bytes) -> bytes:
        if len(nonce) != NONCE:
            raise OpenError("cut off")
        return _chacha(_hchacha(self._key, nonce[:16]), bytes(8) + nonce[16:], data)


def _chacha(key: bytes, counter_and_nonce: bytes, data: bytes) -> bytes:
    # cryptography is loaded by who has such keys
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    cipher = Cipher(algorithms.ChaCha20(key, counter_and_nonce), mode=None)
    return cipher.encryptor().update(data)


def _hchacha(key: bytes, nonce: bytes) -> bytes:
    """HChaCha20: the state of ChaCha20 after its rounds, which a block tells less its beginning."""
    block = struct.unpack("<16I", _chacha(key, nonce, bytes(_BLOCK)))
    begun = (*_CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce))
    words = [(after - before) & _MASK for after, before in zip(block, begun, strict=True)]
    return struct.pack("<8I", *words[:4], *words[12:])


def _code(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    return Poly1305.generate_tag(key, data)
