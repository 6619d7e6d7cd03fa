"""Private keys: every format, clear errors without key material, changes on disk."""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from filter_engine.auth.signing_key import (
    MAX_COMPLAINTS,
    KeyRing,
    SigningKeyError,
    load_signing_key,
)

Pem = Callable[[Any, PrivateFormat], bytes]
PKCS8 = PrivateFormat.PKCS8
PKCS1 = PrivateFormat.TraditionalOpenSSL


def bare(pem: bytes) -> bytes:
    """The base64 between the BEGIN and END lines."""
    return b"\n".join(pem.splitlines()[1:-1]) + b"\n"


@pytest.mark.parametrize("form", [PKCS8, PKCS1])
@pytest.mark.parametrize("strip", [False, True])
def test_rsa_formats(keys: Any, pem: Pem, form: PrivateFormat, strip: bool) -> None:
    data = pem(keys.rsa.key, form)
    loaded = load_signing_key(bare(data) if strip else data)
    assert loaded.record == keys.rsa.record
    assert loaded.algorithm == "rsa-sha256"


@pytest.mark.parametrize("form", ["pem", "bare pem", "seed", "seed and public key"])
def test_ed25519_formats(keys: Any, pem: Pem, form: str) -> None:
    key = keys.ed25519.key
    seed = key.private_bytes_raw()
    data = {
        "pem": pem(key, PKCS8),
        "bare pem": bare(pem(key, PKCS8)),
        "seed": b64encode(seed) + b"\n",
        "seed and public key": b64encode(seed + key.public_key().public_bytes_raw()),
    }[form]
    loaded = load_signing_key(data)
    assert loaded.record == keys.ed25519.record
    assert loaded.algorithm == "ed25519-sha256"


def test_unusable_keys(keys: Any, pem: Pem) -> None:
    locked = keys.rsa.key.private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"x"))
    elliptic = generate_ec(SECP256R1()).private_bytes(Encoding.PEM, PKCS8, NoEncryption())
    short = pem(generate_private_key(65537, 1024), PKCS8)
    assert load_signing_key(short).key.key_size == 1024
    material = pem(keys.rsa.key, PKCS8)
    for data in (b"", b"nonsense", b"AAAA", locked, elliptic, material[:300], b"\0" * 1000):
        with pytest.raises(SigningKeyError, match=r"/keys/a\.key") as caught:
            load_signing_key(data, "/keys/a.key")
        assert caught.value.__cause__ is None
        assert material.splitlines()[1].decode() not in str(caught.value)


def test_ring_reads_once_and_again_after_a_change(
    tmp_path: Path, keys: Any, pem: Pem, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "example.com.s1.key"
    path.write_bytes(pem(keys.rsa.key, PKCS8))
    ring = KeyRing()
    ring.preload([str(path)])
    reads: list[Path] = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: (reads.append(self), real(self))[1])
    first = ring.get(str(path))
    assert first is not None
    assert ring.get(str(path)) is first
    assert not reads
    replacement = tmp_path / "new"
    replacement.write_bytes(pem(keys.ed25519.key, PKCS8))
    os.replace(replacement, path)
    changed = ring.get(str(path))
    assert changed is not None
    assert changed.algorithm == "ed25519-sha256"
    path.unlink()
    assert ring.get(str(path)) is None


def test_ring_complains_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring = KeyRing()
    absent = str(tmp_path / "absent.key")
    broken = tmp_path / "broken.key"
    broken.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert ring.get(absent) is None
            assert ring.get(str(broken)) is None
    assert [r.message for r in caplog.records] == [
        f"not signing: {absent}: No such file or directory",
        f"not signing: {broken} holds no private key: expected PEM or base64 of an RSA or Ed25519 "
        "key, without a passphrase",
    ]


@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)]
)
def test_a_key_open_to_everybody_is_told_once(
    tmp_path: Path, keys: Any, pem: Pem, caplog: pytest.LogCaptureFixture, mode: int, told: bool
) -> None:
    """It still signs: without it mail would leave unsigned."""
    path = tmp_path / "example.com.s1.key"
    ring = KeyRing()
    with caplog.at_level(logging.WARNING):
        for key in (keys.rsa, keys.ed25519):  # also after a change of the file
            path.write_bytes(pem(key.key, PKCS8))
            path.chmod(mode)
            assert ring.get(str(path)) is not None
    assert [f"{path} has mode {mode:04o}" in r.message for r in caplog.records] == [True] * told


def test_complaints_are_bounded(tmp_path: Path) -> None:
    """Where a path has $domain, whoever sends mail chooses what is looked for."""
    ring = KeyRing()
    for number in range(MAX_COMPLAINTS + 100):
        assert ring.get(str(tmp_path / f"{number}.example.key")) is None
    assert len(ring._complained) == MAX_COMPLAINTS


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.key"
    path.write_bytes(b"A" * 100_000)
    with pytest.raises(SigningKeyError, match="100000 octets"):
        KeyRing().load(str(path))


def test_record_fits_the_key(keys: Any) -> None:
    assert keys.rsa.misfit(keys.rsa.record.encode()) == ""
    assert keys.ed25519.misfit(keys.ed25519.record.encode()) == ""
    assert "another" in keys.rsa.misfit(keys.short.record.encode())
    assert "another" in keys.rsa.misfit(keys.ed25519.record.encode())
    assert "revoked" in keys.rsa.misfit(b"v=DKIM1; p=")
