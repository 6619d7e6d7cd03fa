"""A private key in every form that people have it in; the role and the engine read the same."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable

import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import openssl_key
from ansible_collections.mailfleet.filter.plugins.module_utils.key_text import as_pem
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from filter_engine.auth.signing_key import SigningKeyError, load_signing_key

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS1, PKCS8 = (
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.PrivateFormat.PKCS8,
)
PLAIN = serialization.NoEncryption()
OPENSSL = shutil.which("openssl") or "openssl"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = ed25519.Ed25519PrivateKey.generate()
KEYS = {
    "RSA, PKCS#1": (RSA.private_bytes(PEM, PKCS1, PLAIN), RSA.private_bytes(DER, PKCS1, PLAIN)),
    "RSA, PKCS#8": (RSA.private_bytes(PEM, PKCS8, PLAIN), RSA.private_bytes(DER, PKCS8, PLAIN)),
    "Ed25519": (ED.private_bytes(PEM, PKCS8, PLAIN), ED.private_bytes(DER, PKCS8, PLAIN)),
    "seed": (b"", ED.private_bytes_raw()),
    "seed and public": (b"", ED.private_bytes_raw() + ED.public_key().public_bytes_raw()),
}


def lines(text: bytes) -> bytes:
    return b"\n".join(text[start : start + 64] for start in range(0, len(text), 64))


def indented(text: bytes) -> bytes:
    return b"".join(b"    " + line + b"\n" for line in text.splitlines())


Form = Callable[[bytes], bytes]
OF_PEM: dict[str, Form] = {
    "as it is": lambda pem: pem,
    "without its last line's end": lambda pem: pem.strip(),
    "folded into one line": lambda pem: b" ".join(pem.split(b"\n")),
    "indented": indented,
    "CRLF": lambda pem: pem.replace(b"\n", b"\r\n"),
    "blank lines around": lambda pem: b"\n\n" + pem + b"\n\n",
    "a remark before": lambda pem: b"the key of 2024\n" + pem,
}
OF_BASE64: dict[str, Form] = {
    "one line": lambda text: text,
    "many lines": lines,
    "many lines, indented": lambda text: indented(lines(text)),
    "folded": lambda text: lines(text).replace(b"\n", b" ") + b"\n",
    "CRLF": lambda text: lines(text).replace(b"\n", b"\r\n"),
}
FORMS = [
    pytest.param(kind, form(source), id=f"{kind}, {name}, {how}")
    for kind, (pem, der) in KEYS.items()
    for name, source, forms in (
        ("PEM", pem, OF_PEM),
        ("base64", base64.b64encode(der), OF_BASE64),
    )
    if source
    for how, form in forms.items()
]


def public(kind: str) -> str:
    """The `p=` of the key."""
    if kind.startswith("RSA"):
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(RSA.public_key().public_bytes(DER, spki)).decode()
    return base64.b64encode(ED.public_key().public_bytes_raw()).decode()


@pytest.mark.parametrize(("kind", "text"), FORMS)
def test_both_read_the_same_key_in_every_form(kind: str, text: bytes) -> None:
    pem = as_pem(text)
    # as it is: a file that lies in the directory of the keys is read in every form too
    assert openssl_key.public_half(OPENSSL, text, "key").value == public(kind)
    assert load_signing_key(text).record.endswith(f"p={public(kind)}")
    assert load_signing_key(pem).record.endswith(f"p={public(kind)}")
    assert as_pem(pem) == pem


LOCKED = RSA.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"x"))
LOCKED_FIELDS = RSA.private_bytes(PEM, PKCS1, serialization.BestAvailableEncryption(b"x"))
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"hello", b"AAAA", base64.b64encode(b"0" * 40), b"\xff" * 9, CERTIFICATE),
        *(LOCKED, LOCKED_FIELDS, KEYS["Ed25519"][0][:60]),
        KEYS["RSA, PKCS#1"][0].replace(b"-----END", b"====END"),
    ],
    ids=range(10),
)
def test_both_refuse_what_is_no_key_and_quote_nothing(text: bytes) -> None:
    with pytest.raises(openssl_key.KeyFileError) as role:
        openssl_key.public_half(OPENSSL, text, "key")
    with pytest.raises(SigningKeyError) as engine:
        load_signing_key(text)
    for told in (role, engine):
        assert "hello" not in str(told.value)
        assert "AAAA" not in str(told.value)
