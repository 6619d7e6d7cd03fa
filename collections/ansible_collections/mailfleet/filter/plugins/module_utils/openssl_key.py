"""Private keys by the host's openssl program. A key is never on a command line.

What is read is what `key_text` knows: PEM, also folded, and base64 without BEGIN and END.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
from dataclasses import dataclass

from ansible_collections.mailfleet.filter.plugins.module_utils.dkim_record import (
    public_key,
)
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import (
    MAX_KEY_BYTES,
    KeyTextError,
    as_pem,
    raw_ed25519,
)

TIMEOUT = 120.0  # seconds; 4096 bits can take long on a small host
_BITS = re.compile(rb"Public-Key: \((\d+) bit")


class KeyFileError(Exception):
    """A key cannot be made or read; the message names the file, never its content."""


@dataclass(frozen=True)
class PublicKey:
    """The public half: algorithm, `p=` value, and the modulus' bits (None for Ed25519)."""

    algorithm: str
    value: str
    bits: int | None


def generate(openssl: str, algorithm: str, bits: int) -> bytes:
    """Return a new private key, PEM of PKCS#8."""
    options = ["-algorithm", "ED25519"]
    if algorithm == "rsa":
        options = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"]
    key = _run([openssl, "genpkey", *options], b"")
    if key is None or b"-----BEGIN PRIVATE KEY-----" not in key:
        raise KeyFileError(
            f"{openssl} cannot make a key of {algorithm}: is it OpenSSL 1.1.1 or newer?"
        )
    return key


def read(openssl: str, path: str) -> PublicKey:
    """Return the public half of a key file; raises `KeyFileError` for anything else."""
    try:
        if not os.path.isfile(path):
            raise KeyFileError(f"{path} is not a file (or a link to nothing): move it away")
        with open(path, "rb") as stream:
            content = stream.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    return public_half(openssl, content, path)


def public_half(openssl: str, content: bytes, path: str) -> PublicKey:
    """Return the public half of a key's content; `path` is for messages."""
    fix = "move the file away to have a new key made, or restore it from a backup"
    if len(content) > MAX_KEY_BYTES:
        raise KeyFileError(f"{path} is too large for a key; {fix}")
    raw = raw_ed25519(b"".join(content.split()))
    try:
        content = as_pem(content)
    except KeyTextError as error:
        raise KeyFileError(f"{path} is not a private key ({error}); {fix}") from None
    # an empty passphrase: an encrypted key fails instead of asking
    spki = _run([openssl, "pkey", "-passin", "pass:", "-pubout", "-outform", "DER"], content)
    if not spki:
        raise KeyFileError(f"{path} is not a private key without a passphrase; {fix}")
    text = _run([openssl, "pkey", "-pubin", "-inform", "DER", "-noout", "-text"], spki) or b""
    algorithm, value = public_key(spki)
    if raw is not None and raw[32:] not in (b"", base64.b64decode(value)):
        raise KeyFileError(f"{path} has a seed and a public key that do not belong together; {fix}")
    found = _BITS.search(text)
    if algorithm == "rsa" and (b"Modulus" not in text or found is None):
        raise KeyFileError(f"{path} is a key of another kind than RSA or Ed25519; {fix}")
    return PublicKey(algorithm, value, int(found[1]) if algorithm == "rsa" and found else None)


def sync_directory(path: str) -> None:
    """Have the name of a new file outlive a crash."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place_new(path: str, content: bytes, *, uid: int, gid: int, mode: int) -> bool:
    """Create the file unless it is there; tells whether it was created.

    link(2) fails where the name is taken, so that a key made meanwhile is never overwritten.
    """
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, f".{os.path.basename(path)}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            stream.write(content)
            os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)
            sync_directory(path)
        except FileExistsError:
            return False
    except OSError as error:
        raise KeyFileError(f"{path} cannot be created: {error.strerror}") from error
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    return True


def correct_attributes(path: str, uid: int, gid: int, mode: int, *, check_mode: bool) -> bool:
    """Set owner and mode where they differ; tells whether they did."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (uid, gid, mode):
            return False
        if not check_mode:
            # The mode last: chown(2) may clear bits, and nobody new gets in before it.
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
        return True
    finally:
        os.close(descriptor)


def _run(argv: list[str], content: bytes) -> bytes | None:
    """Return what the program wrote, or None if it failed; its complaints may quote a key."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, the key comes by stdin
            argv,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KeyFileError(f"{argv[0]} {argv[1]} took longer than {TIMEOUT:.0f} s") from error
    return done.stdout if done.returncode == 0 else None
