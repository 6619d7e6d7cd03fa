"""Driving coroutines from a table, and keys and messages to sign: made anew, none is stored."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import zone_drive
from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.signing_key import SigningKey
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message

Drive = Callable[[Coroutine[Any, Any, Any], TableResolver], Any]


@pytest.fixture
def drive() -> Drive:
    """See ``zone_drive``."""
    return zone_drive.drive


@dataclass(frozen=True)
class Keys:
    """One key of each kind."""

    rsa: SigningKey
    short: SigningKey
    ed25519: SigningKey


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(
        SigningKey(generate_private_key(65537, 2048)),
        SigningKey(generate_private_key(65537, 1024)),
        SigningKey(Ed25519PrivateKey.generate()),
    )


@pytest.fixture
def pem() -> Callable[[RSAPrivateKey | Ed25519PrivateKey, PrivateFormat], bytes]:
    def write(key: RSAPrivateKey | Ed25519PrivateKey, form: PrivateFormat) -> bytes:
        return key.private_bytes(Encoding.PEM, form, NoEncryption())

    return write


@pytest.fixture
def content() -> Callable[[bytes], SignedContent]:
    """The content of a raw message."""
    return lambda raw: signed_content(Message(raw))
