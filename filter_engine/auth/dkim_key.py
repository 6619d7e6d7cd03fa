"""DKIM public keys as DNS holds them (RFC 6376, section 3.6.1; RFC 8463; RFC 8301)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from filter_engine.auth.kept import kept
from filter_engine.auth.load_primitives import primitives
from filter_engine.auth.tag_list import TagListError, parse_tags
from filter_engine.lazy_dataclass import frozen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_RECORD = 4096
"""Octets of a key record; longer ones are refused."""
MIN_BITS = 1024
"""Shorter RSA keys prove nothing (RFC 8301, section 3.2)."""
MAX_BITS = 8192
"""Longer RSA keys cost too much to be tried."""

_AnyKey: TypeAlias = "RSAPublicKey | Ed25519PublicKey"


class DkimKeyError(ValueError):
    """A key record that cannot be used; the text says why."""


@frozen
class DkimPublicKey:
    """A usable key record."""

    kind: str
    """``rsa`` or ``ed25519``."""
    key: _AnyKey
    bits: int
    hashes: frozenset[str]
    """``h=``: hash algorithms it may be used with; empty means any."""
    testing: bool
    """``t=y``."""
    strict: bool
    """``t=s``: the domain of ``i=`` must equal ``d=``."""

    def verifies(self, signature: bytes, algorithm: str, data: bytes) -> bool:
        """Whether the signature fits; ``algorithm`` is ``sha256`` or ``sha1``."""
        crypto = primitives()
        method, key = crypto.HASHES[algorithm], cast(Any, self.key)
        try:
            if isinstance(key, crypto.RSAPublicKey):
                key.verify(signature, data, crypto.PADDING, method)
            else:
                # RFC 8463, section 3: what is signed is the digest.
                digest = crypto.Hash(method)
                digest.update(data)
                key.verify(signature, digest.finalize())
        except crypto.InvalidSignature:
            return False
        return True


def decode_base64(text: bytes) -> bytes:
    """Base64 with folding white space inside; raises ValueError for anything else."""
    packed = b"".join(text.split())
    try:
        return b64decode(packed, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def parse_key_record(record: bytes) -> DkimPublicKey:
    """Read one TXT record. Raises DkimKeyError."""
    if len(record) > MAX_RECORD:
        raise DkimKeyError(f"key record of {len(record)} octets")
    return _parse(record)


@kept
def _parse(record: bytes) -> DkimPublicKey:
    try:
        tags = parse_tags(record)
    except TagListError as error:
        raise DkimKeyError(f"key record is no tag list: {error}") from None
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise DkimKeyError("key record has another version")
    services = _words(tags.get(b"s", b"*"))
    if not services & {"*", "email"}:
        raise DkimKeyError("key is not for mail")
    if b"p" not in tags:
        raise DkimKeyError("key record has no p=")
    if not tags[b"p"].strip():
        raise DkimKeyError("key is revoked")
    try:
        material = decode_base64(tags[b"p"])
    except ValueError as error:
        raise DkimKeyError(f"p= is {error}") from None
    kind = tags.get(b"k", b"rsa").decode("ascii", "replace").lower()
    key, bits = _load(kind, material)
    flags = _words(tags.get(b"t", b""))
    hashes = frozenset(_words(tags.get(b"h", b"")))
    return DkimPublicKey(kind, key, bits, hashes, "y" in flags, "s" in flags)


def keep(records: int) -> None:
    """How many public keys are kept from now on (``dkim_cache_size``)."""
    if _parse.cache_info().maxsize != records:
        _parse.resize(records)


def _words(text: bytes) -> set[str]:
    words = (word.strip().lower() for word in text.decode("ascii", "replace").split(":"))
    return {word for word in words if word}


def _load(kind: str, material: bytes) -> tuple[_AnyKey, int]:
    if kind not in ("rsa", "ed25519"):
        raise DkimKeyError(f"unknown key type {kind[:20]!r}")
    crypto = primitives()
    try:
        if kind == "ed25519" and len(material) == 32:
            return crypto.Ed25519PublicKey.from_public_bytes(material), 256
        key = crypto.load_der_public_key(material)
    except (ValueError, crypto.UnsupportedAlgorithm):
        raise DkimKeyError(f"p= holds no {kind} key") from None
    if kind == "ed25519" and isinstance(key, crypto.Ed25519PublicKey):
        return key, 256
    if kind != "rsa" or not isinstance(key, crypto.RSAPublicKey):
        raise DkimKeyError(f"p= holds no {kind} key")
    if key.key_size > MAX_BITS:
        raise DkimKeyError(f"key of {key.key_size} bits")
    return key, key.key_size
