"""Hashes of controller passwords as Rspamd's `rspamadm pw -t pbkdf2` writes them.

`$1$SALT$KEY`: PBKDF2 (RFC 8018, section 5.2) over keyed BLAKE2b, 16,000 rounds, salt and key in
Rspamd's base32. Made without the engine, because the controller of a rollout need not have it.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

ROUNDS = 16_000
SALT_OCTETS = 20
KEY_OCTETS = 32
MAX_KEY = blake2b.MAX_KEY_SIZE
_ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"


@lru_cache(maxsize=64)  # a tree is rendered in many steps, and each asks
def controller_hash(password: str, salt: str) -> str:
    """Return the hash of a password in clear; a hash, and the empty text, are returned as they are.

    `salt` is any text that no other password has, such as host and variable: a hash that comes out
    the same in every run is no change of the file. It is hashed by itself; made from the password
    it would give a quick way to try passwords.
    """
    if not password or password.startswith("$"):
        return password
    octets = password.encode()
    if len(octets) > MAX_KEY:
        octets = blake2b(octets).digest()
    salted = blake2b(salt.encode(), digest_size=SALT_OCTETS).digest()
    digest = blake2b(salted + (1).to_bytes(4, "big"), key=octets).digest()
    total = int.from_bytes(digest, "big")
    for _ in range(ROUNDS - 1):
        digest = blake2b(digest, key=octets).digest()
        total ^= int.from_bytes(digest, "big")
    return f"$1${_base32(salted)}${_base32(total.to_bytes(MAX_KEY, 'big')[:KEY_OCTETS])}"


def _base32(data: bytes) -> str:
    """Rspamd's base32: an alphabet of its own, bits from the least significant end."""
    bits = int.from_bytes(data, "little")
    return "".join(_ALPHABET[bits >> 5 * place & 31] for place in range((8 * len(data) + 4) // 5))
