"""Driving coroutines from a table, and keys and messages to sign: made anew, none is stored."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.signing_key import SigningKey
from filter_engine.checks.sender_policy import signed_content
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.question import All, DnsQuestion, Question

Drive = Callable[[Coroutine[Any, Any, Any], TableResolver], Any]


@pytest.fixture
def drive() -> Drive:
    """Run a coroutine to its end, its DNS questions answered from a table."""

    def run(coroutine: Coroutine[Any, Any, Any], table: TableResolver) -> Any:
        def answer(question: Question[Any]) -> Any:
            if isinstance(question, All):
                return tuple(map(answer, question.questions))
            assert isinstance(question, DnsQuestion)
            return table.answer(question)

        try:
            question = coroutine.send(None)
            while True:
                question = coroutine.send(answer(question))
        except StopIteration as stop:
            return stop.value

    return run


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
