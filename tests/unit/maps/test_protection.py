"""Signed and encrypted maps."""

from __future__ import annotations

import base64
from hashlib import blake2b
from pathlib import Path

import pytest
import zstandard
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from filter_engine.config.base32 import encode_base32
from filter_engine.config.model import Config, MapsConfig, OptionsConfig
from filter_engine.maps import Maps

KEY = SigningKey(bytes(range(32)))
PUBLIC = encode_base32(bytes(KEY.verify_key))


def _signed(directory: Path) -> Path:
    file = directory / "words"
    file.write_bytes(b"word\n")
    file.with_name("words.sig").write_bytes(KEY.sign(b"word\n").signature)
    return file


def test_a_signed_map_with_its_key(tmp_path: Path) -> None:
    file = _signed(tmp_path)
    assert "word" in Maps().of(f"key={PUBLIC}+file://{file}", "set", "test")
    trusting = Config(options=OptionsConfig(trusted_keys=(PUBLIC,)))
    assert "word" in Maps(trusting).of(f"sign+{file}", "set", "test")


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("sign+", "no key to check the signature"),
        (f"key={encode_base32(bytes(32))}+", "the signature does not fit"),
        ("key=!!+", "is no character of base32"),
        ("key=ybnd+", "52 characters"),
    ],
)
def test_a_signed_map_that_nobody_vouches_for_is_empty(
    prefix: str, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not Maps().of(f"{prefix}file://{_signed(tmp_path)}", "set", "test")
    assert reason in caplog.text


def test_a_changed_signed_map_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = _signed(tmp_path)
    maps = Maps()
    words = maps.of(f"key={PUBLIC}+{file}", "set", "test")
    file.write_text("word\nforged\n")
    maps.look()
    assert "forged" not in words
    assert "word" in words
    assert "the signature does not fit; the old content stays" in caplog.text


def test_an_encrypted_map(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = b"0123456789abcdef"
    box = SecretBox(blake2b(secret, digest_size=32).digest())
    file = tmp_path / "words.zst.enc"
    file.write_bytes(box.encrypt(zstandard.compress(b"word\n")))
    key = base64.b64encode(secret).decode()
    config = Config(options=OptionsConfig(maps=MapsConfig(secretbox_key=key)))
    assert "word" in Maps(config).of(str(file), "set", "test")
    assert not Maps().of(str(file), "set", "test")
    assert "options.maps.secretbox_key is not set" in caplog.text
