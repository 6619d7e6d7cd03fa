"""Digests as selectors write them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from filter_engine.config.base32 import encode_base32

_KEY: Final = hashlib.blake2b(b"rspamd").digest()
"""Rspamd's digests of message parts are keyed with this."""
_HASHERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "blake2": lambda data: hashlib.blake2b(data, key=_KEY).digest(),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
}
_ENCODERS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "hex": bytes.hex,
    "base32": encode_base32,
    "rbase32": lambda data: base64.b32encode(data).decode().rstrip("="),
    "base64": lambda data: base64.b64encode(data).decode(),
}
HASHES: Final = tuple(_HASHERS)
ENCODINGS: Final = tuple(_ENCODERS)


def digest_of(data: bytes, encoding: str, name: str) -> str:
    """The digest of ``data`` by one of ``HASHES`` in one of ``ENCODINGS``."""
    return _ENCODERS[encoding](_HASHERS[name](data))
