"""dkim_key as a host runs it: made once, never overwritten, never shown."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import pytest
from ansible_collections.mailfleet.filter.plugins.module_utils import openssl_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Module = Callable[..., dict[str, Any]]
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
ME = {"owner": str(os.getuid()), "group": str(os.getgid())}

MESSAGE = b"From: a@example.net\r\nTo: b@example.org\r\nSubject: x\r\n\r\nhello\r\n"


def ed25519_raw() -> tuple[bytes, bytes]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes_raw(), key.public_key().public_bytes_raw()


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_made_once_and_an_independent_verifier_accepts_it(
    run_module: Module, tmp_path: Path, algorithm: str
) -> None:
    path = tmp_path / "key"
    names = {"domain": "example.net", "selector": "s1", "path": str(path), **ME}
    first = run_module("dkim_key", algorithm=algorithm, **names)
    assert (first["changed"], first["created"]) == (True, True)
    assert first["record_name"] == "s1._domainkey.example.net"
    assert first["bits"] == (2048 if algorithm == "rsa" else None)
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]

    key = serialization.load_pem_private_key(content, None)
    private = content
    if isinstance(key, ed25519.Ed25519PrivateKey):
        private = base64.b64encode(key.private_bytes_raw())
    kind = b"ed25519-sha256" if algorithm == "ed25519" else b"rsa-sha256"
    signature = dkim.sign(MESSAGE, b"s1", b"example.net", private, signature_algorithm=kind)
    record = first["txt"].encode()
    assert dkim.verify(signature + MESSAGE, dnsfunc=lambda *_args, **_more: record)
    assert not dkim.verify(signature + MESSAGE + b"more", dnsfunc=lambda *_a, **_m: record)

    second = run_module("dkim_key", algorithm=algorithm, **names)
    assert (second["changed"], second["created"], second["txt"]) == (False, False, first["txt"])
    assert path.read_bytes() == content


def test_the_private_key_is_never_returned(run_module: Module, tmp_path: Path) -> None:
    result = run_module("dkim_key", path=str(tmp_path / "key"), algorithm="ed25519", **ME)
    body = "".join((tmp_path / "key").read_text().splitlines()[1:-1])
    assert body not in str(result)
    assert "PRIVATE" not in str(result)


@pytest.mark.parametrize("form", ["pem", "folded", "traditional", "seed", "seed and public key"])
def test_the_forms_of_existing_keys(run_module: Module, tmp_path: Path, form: str) -> None:
    path = tmp_path / "key"
    algorithm = "rsa" if form == "traditional" else "ed25519"
    if form == "traditional":
        layout = serialization.PrivateFormat.TraditionalOpenSSL
        path.write_bytes(rsa.generate_private_key(65537, 2048).private_bytes(PEM, layout, PLAIN))
    else:
        seed, public = ed25519_raw()
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        path.write_bytes(
            {
                "pem": key.private_bytes(PEM, PKCS8, PLAIN),
                "folded": b" ".join(key.private_bytes(PEM, PKCS8, PLAIN).split(b"\n")),
                "seed": base64.b64encode(seed) + b"\n",
                "seed and public key": base64.b64encode(seed + public),
            }[form]
        )
    path.chmod(0o640)
    before = path.read_bytes()
    result = run_module("dkim_key", path=str(path), algorithm=algorithm, **ME)
    assert result["changed"] is False
    assert path.read_bytes() == before
    if algorithm == "ed25519":
        assert result["public_key"] == base64.b64encode(public).decode()


def encrypted() -> bytes:
    secret = serialization.BestAvailableEncryption(b"passphrase")
    return rsa.generate_private_key(65537, 2048).private_bytes(PEM, PKCS8, secret)


@pytest.mark.parametrize(
    ("make", "algorithm", "words"),
    [
        (lambda: b"", "rsa", "is not a private key"),
        (lambda: b"garbage\n", "rsa", "is not a private key"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n", "rsa", "is not a private key"),
        (encrypted, "rsa", "without a passphrase"),
        (lambda: base64.b64encode(os.urandom(64)), "ed25519", "do not belong together"),
        (lambda: base64.b64encode(os.urandom(33)), "ed25519", "is not a private key"),
        (lambda: b"x" * 100_000, "rsa", "too large"),
        (
            lambda: ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN),
            "rsa",
            "another kind",
        ),
        (
            lambda: rsa.generate_private_key(65537, 1024).private_bytes(PEM, PKCS8, PLAIN),
            "rsa",
            "has 1024 bits, fewer than 2048",
        ),
        (
            lambda: rsa.generate_private_key(65537, 2048).private_bytes(PEM, PKCS8, PLAIN),
            "ed25519",
            "is a key of rsa, not ed25519",
        ),
    ],
)
def test_what_is_there_is_an_error_and_stays(
    run_module: Module, tmp_path: Path, make: Callable[[], bytes], algorithm: str, words: str
) -> None:
    path = tmp_path / "key"
    content = make()
    path.write_bytes(content)
    path.chmod(0o644)
    result = run_module("dkim_key", path=str(path), algorithm=algorithm, **ME)
    assert result["failed"] is True
    assert words in result["msg"]
    assert str(path) in result["msg"]
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", ["directory", "dangling link", "pipe"])
def test_what_is_no_file_at_all(run_module: Module, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    result = run_module("dkim_key", path=str(path), **ME)
    assert "is not a file" in result["msg"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_mode_is_corrected_and_told(run_module: Module, tmp_path: Path) -> None:
    path = tmp_path / "key"
    run_module("dkim_key", path=str(path), algorithm="ed25519", **ME)
    path.chmod(0o644)
    arguments = {"path": str(path), "algorithm": "ed25519", **ME}
    checked = run_module("dkim_key", check_mode=True, **arguments)
    assert (checked["changed"], checked["created"]) == (True, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert run_module("dkim_key", **arguments)["changed"] is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_check_mode_makes_nothing(run_module: Module, tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "key")
    result = run_module(
        "dkim_key", check_mode=True, path=path, owner="nobody-yet", domain="d.example", selector="s"
    )
    assert (result["changed"], result["created"], result["txt"]) == (True, True, None)
    assert result["record_name"] == "s._domainkey.d.example"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "0644"}, "lets everybody at the private key"),
        ({"mode": "rw"}, "is not a mode"),
        ({"bits": 1024}, "2048, 3072, 4096"),
        ({"domain": "example.net"}, "selector"),
        ({"domain": "example.net", "selector": "s 1"}, "is not a domain name"),
        ({"domain": "example.net.", "selector": "s1"}, "no final dot"),
        ({"owner": "nobody-yet"}, "there is no user"),
        ({"path": "/nonexistent/directory/key"}, "create it first"),
    ],
)
def test_bad_options(
    run_module: Module, tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    result = run_module("dkim_key", **{"path": str(tmp_path / "key"), **ME, **arguments})
    assert words in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_one_makes_the_key(run_module: Module, tmp_path: Path) -> None:
    path = tmp_path / "key"
    results: list[dict[str, Any]] = []

    def make() -> None:
        results.append(run_module("dkim_key", path=str(path), algorithm="ed25519", **ME))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["created"] for result in results) == 1
    assert len({result["txt"] for result in results}) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("theirs")
    placed = openssl_key.place_new(str(path), b"ours", uid=os.getuid(), gid=os.getgid(), mode=0o640)
    assert placed is False
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_no_key_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program is started with fixed words; keys come and go by pipes."""
    started: list[list[str]] = []
    real = subprocess.run

    def run(argv: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        started.append(argv)
        return real(argv, **more)

    monkeypatch.setattr(openssl_key.subprocess, "run", run)
    key = openssl_key.generate("openssl", "ed25519", 2048)
    openssl_key.public_half("openssl", key, "key")
    seed, _ = ed25519_raw()
    openssl_key.public_half("openssl", base64.b64encode(seed), "key")
    words = {word for argv in started for word in argv}
    assert words <= {
        *("openssl", "genpkey", "-algorithm", "ED25519", "pkey", "-pubout", "-outform", "DER"),
        *("-passin", "pass:", "-inform", "-pubin", "-noout", "-text"),
    }


def test_a_key_handed_over_is_placed_once_and_never_replaces_another(
    run_module: Module, tmp_path: Path
) -> None:
    own, other = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            PEM, PKCS8, PLAIN
        )
        for _ in range(2)
    )
    arguments = {"path": str(tmp_path / "key"), **ME}
    placed = run_module("dkim_key", private=own.decode(), **arguments)
    assert (placed["changed"], placed["created"]) == (True, True)
    assert (tmp_path / "key").read_bytes() == own
    assert run_module("dkim_key", private=own.decode(), **arguments)["changed"] is False
    refused = run_module("dkim_key", private=other.decode(), **arguments)
    assert "holds another key than the one given" in refused["msg"]
    assert (tmp_path / "key").read_bytes() == own
    body = own.decode().splitlines()[-2]
    assert not any(body in str(result) for result in (placed, refused))
