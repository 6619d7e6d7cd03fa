"""Private DKIM keys: every format in use, read once, read again when the file changes."""

from __future__ import annotations

import binascii
import logging
import os
import stat
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from filter_engine.auth.dkim_key import DkimKeyError, parse_key_record
from filter_engine.auth.load_primitives import primitives
from filter_engine.lazy_dataclass import frozen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

MAX_FILE = 65536
"""Octets of a key file."""
MAX_TEXTS = 64
"""Keys that did not come from files and are kept."""

MAX_COMPLAINTS = 1024
"""Paths without a usable key that are remembered, so that each is told once."""

_log = logging.getLogger(__name__)


class SigningKeyError(ValueError):
    """A key file that cannot be used; the text names the file and never holds key material."""


@frozen
class SigningKey:
    """One private key, ready to sign."""

    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """``a=`` of its signatures."""
        return (
            "rsa-sha256" if isinstance(self.key, primitives().RSAPrivateKey) else "ed25519-sha256"
        )

    @property
    def record(self) -> str:
        """The TXT record that belongs to it (RFC 6376, section 3.6.1; RFC 8463, section 4)."""
        crypto = primitives()
        encoding, form = crypto.Encoding, crypto.PublicFormat
        public = self.key.public_key()
        if isinstance(self.key, crypto.RSAPrivateKey):
            kind = "rsa"
            material = public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo)
        else:
            kind = "ed25519"
            material = public.public_bytes(encoding.Raw, form.Raw)
        return f"v=DKIM1; k={kind}; p={b64encode(material).decode()}"

    def misfit(self, record: bytes) -> str:
        """Why a published TXT record does not belong to this key; ``""`` if it does."""
        try:
            published = parse_key_record(record)
        except DkimKeyError as error:
            return str(error)
        if published.key != self.key.public_key():
            return "the public key is another one"
        return ""

    def sign(self, data: bytes) -> bytes:
        """The signature over data, hashed with SHA-256."""
        crypto, key = primitives(), cast(Any, self.key)
        method = crypto.HASHES["sha256"]
        if isinstance(key, crypto.RSAPrivateKey):
            return cast(bytes, key.sign(data, crypto.PADDING, method))
        digest = crypto.Hash(method)
        digest.update(data)
        return cast(bytes, key.sign(digest.finalize()))


def load_signing_key(data: bytes, name: str = "key") -> SigningKey:
    """Read a key: PEM (PKCS#8 or PKCS#1), DER in base64, or an Ed25519 seed in base64.

    The last is what ``rspamadm dkim_keygen -t ed25519`` writes, with or without the public half.
    ``name`` is how errors call it. Raises SigningKeyError.
    """
    crypto = primitives()
    try:
        key = _parse(data)
    except (ValueError, TypeError, crypto.UnsupportedAlgorithm):
        # The cause may quote the material: it is not passed on.
        raise SigningKeyError(
            f"{name} holds no private key: expected PEM or base64 of an RSA or Ed25519 key, "
            "without a passphrase"
        ) from None
    if not isinstance(key, crypto.RSAPrivateKey | crypto.Ed25519PrivateKey):
        raise SigningKeyError(f"{name} holds a key that is neither RSA nor Ed25519")
    if isinstance(key, crypto.RSAPrivateKey) and key.key_size < 1024:
        raise SigningKeyError(f"{name} holds an RSA key of {key.key_size} bits; 1024 is the least")
    return SigningKey(key)


def _parse(data: bytes) -> object:
    if b"-----BEGIN" in data:
        return primitives().load_pem_private_key(data, password=None)
    try:
        material = b64decode(b"".join(data.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(material) in (32, 64):
        return primitives().Ed25519PrivateKey.from_private_bytes(material[:32])
    return primitives().load_der_private_key(material, password=None)


_Stamp = tuple[int, int, int]


class KeyRing:
    """Key files read so far. Looking at a file costs one ``stat``; reading it up to 0.1 s."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[_Stamp, SigningKey]] = {}
        self._complained: OrderedDict[str, str] = OrderedDict()
        self._exposed: set[str] = set()
        self._texts: OrderedDict[str, SigningKey | None] = OrderedDict()

    def of_text(self, text: str, name: str) -> SigningKey | None:
        """The key that a text holds; None when it holds no usable one, which is logged.

        The latest ``MAX_TEXTS`` are kept; ``name`` is how the log calls it.
        """
        if text in self._texts:
            self._texts.move_to_end(text)
            return self._texts[text]
        made = None
        try:
            made = load_signing_key(text[:MAX_FILE].encode("ascii", "replace"), name)
        except SigningKeyError as error:
            _log.warning("not signing: %s", error)
        self._texts[text] = made
        if len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)
        return made

    def get(self, path: str) -> SigningKey | None:
        """The key of a file; None when there is no usable one, which is logged once."""
        try:
            return self.load(path)
        except SigningKeyError as error:
            if self._complained.get(path) != str(error):
                self._complained[path] = str(error)
                if len(self._complained) > MAX_COMPLAINTS:  # senders choose $domain
                    self._complained.popitem(last=False)
                _log.warning("not signing: %s", error)
            return None

    def load(self, path: str) -> SigningKey:
        """The key of a file. Raises SigningKeyError."""
        try:
            status = os.stat(path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._keys.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            if not stat.S_ISREG(status.st_mode):  # opening a FIFO would wait
                raise SigningKeyError(f"{path} is no key: not a regular file")
            if status.st_size > MAX_FILE:
                raise SigningKeyError(f"{path} is no key: {status.st_size} octets")
            data = Path(path).read_bytes()
        except OSError as error:
            self._keys.pop(path, None)
            raise SigningKeyError(f"{path}: {error.strerror}") from None
        key = load_signing_key(data, path)
        self._keys[path] = (stamp, key)
        if status.st_mode & stat.S_IRWXO:
            self._warn_of_mode(path, stat.S_IMODE(status.st_mode))
        self._complained.pop(path, None)
        return key

    def _warn_of_mode(self, path: str, mode: int) -> None:
        """Once a file: the key is used all the same, as mail would leave unsigned without it."""
        if path not in self._exposed:
            self._exposed.add(path)
            _log.warning(
                "key %s has mode %04o: every user of this host may read or change it; "
                "make it 0640, with the group of the engine",
                path,
                mode,
            )

    def preload(self, paths: Iterable[str]) -> None:
        """Read keys before workers are forked; what cannot be read is logged."""
        for path in paths:
            self.get(path)
