"""Checking controller passwords against what the configuration holds.

Source: Rspamd's ``rspamadm pw``. ``$1$SALT$KEY`` is PBKDF2 over keyed BLAKE2b with 16,000 rounds,
``$2$SALT$KEY`` is Catena-Butterfly (``config/controller_hash.py`` reads both). Anything else is
the password itself.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from filter_engine.config.controller_hash import PBKDF2, PasswordHashError, read_hash
from filter_engine.workers.catena import catena_butterfly

PBKDF2_ROUNDS = 16_000
MAX_PASSWORD = 1024
"""Octets of a password that is looked at."""


def matches(given: bytes, configured: str) -> bool:
    """Whether ``given`` is the password of a configured hash or plain text.

    Takes the same time for every wrong password. Raises ``PasswordHashError`` for a broken hash.
    """
    if len(given) > MAX_PASSWORD:
        return False
    expected = read_hash(configured)
    if expected is None:
        return hmac.compare_digest(given, configured.encode("utf-8", "surrogateescape"))
    if expected.kind == PBKDF2:
        derived = pbkdf2_blake2b(given, expected.salt, PBKDF2_ROUNDS, len(expected.key))
    else:
        derived = catena_butterfly(given, expected.salt, len(expected.key))
    return hmac.compare_digest(derived, expected.key)


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


__all__ = ["MAX_PASSWORD", "PasswordHashError", "matches", "pbkdf2_blake2b"]
