"""Checking controller passwords against what the configuration holds.

Source: Rspamd's ``rspamadm pw``. ``$1$salt$key`` is PBKDF2 over keyed BLAKE2b with 16,000 rounds,
``$2$salt$key`` is Catena-Butterfly; salt and key are in Rspamd's base32. Anything else is the
password itself.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from filter_engine.config import base32
from filter_engine.config.base32 import encode_base32 as encode_base32  # also read from here
from filter_engine.workers.catena import catena_butterfly

PBKDF2_ROUNDS = 16_000
MAX_PASSWORD = 1024
"""Octets of a password that is looked at."""


class PasswordHashError(ValueError):
    """A configured hash that cannot be read."""


def matches(given: bytes, configured: str) -> bool:
    """Whether ``given`` is the password of a configured hash or plain text.

    Takes the same time for every wrong password. Raises ``PasswordHashError`` for a broken hash.
    """
    if len(given) > MAX_PASSWORD:
        return False
    if not configured.startswith("$"):
        return hmac.compare_digest(given, configured.encode())
    try:
        _, kind, salt_text, key_text = configured.split("$")
    except ValueError:
        raise PasswordHashError("expected $ID$SALT$KEY") from None
    salt, key = decode_base32(salt_text), decode_base32(key_text)
    if kind == "1":
        derived = pbkdf2_blake2b(given, salt, PBKDF2_ROUNDS, len(key))
    elif kind == "2":
        derived = catena_butterfly(given, salt, len(key))
    else:
        raise PasswordHashError(f"unknown hash ${kind}$ (known: $1$ and $2$)")
    return hmac.compare_digest(derived, key)


def pbkdf2_blake2b(password: bytes, salt: bytes, rounds: int, length: int) -> bytes:
    """PBKDF2 (RFC 8018, section 5.2) with keyed BLAKE2b in place of an HMAC."""
    key = password if len(password) <= blake2b.MAX_KEY_SIZE else blake2b(password).digest()
    output = b""
    block = 0
    while len(output) < length:
        block += 1
        digest = blake2b(salt + block.to_bytes(4, "big"), key=key).digest()
        total = int.from_bytes(digest, "big")
        for _ in range(rounds - 1):
            digest = blake2b(digest, key=key).digest()
            total ^= int.from_bytes(digest, "big")
        output += total.to_bytes(64, "big")
    return output[:length]


def decode_base32(text: str) -> bytes:
    """The octets of a salt or key. Raises ``PasswordHashError``."""
    if not text:
        raise PasswordHashError("salt or key is empty")
    try:
        return base32.decode_base32(text)
    except ValueError as error:
        raise PasswordHashError(f"{error}: it does not belong into a hash") from None
