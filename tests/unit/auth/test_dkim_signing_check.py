"""The check dkim_signing: what is signed, with which keys, and what is not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from filter_engine.checks.dkim_signing import DkimSigningOptions
from filter_engine.checks.signing import keys as signing
from filter_engine.checks.signing.options import DomainKeys, KeyPlace
from filter_engine.checks.signing.whose import signing_domain
from filter_engine.config.addresses import AddressSet
from filter_engine.config.map_definition import define_text
from filter_engine.config.model import Config
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from policy_scan import NOW, RAW, Sink, from_, scan


@pytest.fixture
def key_directory(
    tmp_path: Path, keys: Any, pem: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Key files of example.com under two selectors; a fresh key ring."""
    monkeypatch.setattr(signing, "KEYS", signing.KeyRing())
    for selector, key in (("dkim", keys.rsa), ("ed", keys.ed25519)):
        path = tmp_path / f"example.com.{selector}.key"
        path.write_bytes(pem(key.key, PrivateFormat.PKCS8))
        path.chmod(0o600)
    return tmp_path


def sign_options(directory: Path, **options: Any) -> DkimSigningOptions:
    return DkimSigningOptions(**({"path": f"{directory}/$domain.$selector.key"} | options))


def run_signing(options: DkimSigningOptions, raw: bytes = RAW, **envelope: Any) -> Sink:
    given = {"ip": "203.0.113.9", "user": "al@example.com"} | envelope
    return scan(raw, sections=(options,), checks=("dkim_signing",), **given)


def test_signed_mail_verifies(key_directory: Path, keys: Any) -> None:
    sink = run_signing(sign_options(key_directory))
    assert sink.symbols == {"DKIM_SIGNED": ("example.com:s=dkim",)}
    (signature,) = sink.outcomes["dkim_signing"].signatures
    raw = b"DKIM-Signature: " + signature.replace("\n", "\r\n").encode() + b"\r\n" + RAW
    zone = {"dkim._domainkey.example.com": {"TXT": [keys.rsa.record.encode()]}}
    assert scan(raw, zone=zone, checks=("dkim",)).symbols["R_DKIM_ALLOW"]


def test_each_key_of_a_domain_signs(key_directory: Path) -> None:
    place = KeyPlace
    domains = {
        "example.com": DomainKeys(
            selectors=(
                place(path=f"{key_directory}/$domain.$selector.key", selector="dkim"),
                place(path=f"{key_directory}/example.com.ed.key", selector="ed"),
            )
        )
    }
    sink = run_signing(sign_options(key_directory, path="", domain=MappingProxyType(domains)))
    algorithms = [s.split(";")[1] for s in sink.outcomes["dkim_signing"].signatures]
    assert algorithms == [" a=rsa-sha256", " a=ed25519-sha256"]
    assert [f.options for f in sink.outcomes["dkim_signing"].findings] == [
        ("example.com:s=dkim",),
        ("example.com:s=ed",),
    ]


@pytest.mark.parametrize(
    ("options", "envelope", "raw", "signs"),
    [
        ({}, {}, RAW, True),
        ({"sign_authenticated": False}, {}, RAW, False),
        ({}, {"user": None}, RAW, False),
        ({}, {"user": None, "local": True}, RAW, True),
        ({"sign_local": False}, {"user": None, "local": True}, RAW, False),
        ({}, {"user": None, "ip": None}, RAW, False),
        ({"sign_networks": AddressSet(("203.0.113.0/24",))}, {"user": None}, RAW, True),
        ({"sign_inbound": True}, {"user": None}, RAW, True),
        ({}, {"mail_from": ""}, RAW, True),
        ({"allow_envfrom_empty": False}, {"mail_from": ""}, RAW, False),
        ({}, {"mail_from": "x@other.example"}, RAW, False),
        ({"allow_hdrfrom_mismatch": True}, {"mail_from": "x@other.example"}, RAW, True),
        (
            {"allow_hdrfrom_mismatch_local": True},
            {"mail_from": "x@other.example", "local": True},
            RAW,
            True,
        ),
        ({}, {"mail_from": "x@sub.example.com"}, RAW, True),
        ({"use_esld": False}, {"mail_from": "x@sub.example.com"}, RAW, False),
        ({}, {}, RAW.replace(b"@example.com", b"@sub.example.com"), True),
        ({}, {"user": "al"}, RAW, False),
        ({"allow_username_mismatch": True}, {"user": "al"}, RAW, True),
        ({}, {"user": "al@other.example"}, RAW, False),
        ({}, {"user": "al@other.example", "mail_from": ""}, RAW, False),
        ({"use_domain": "auth"}, {"mail_from": ""}, from_("other.example"), False),
        ({"use_domain": "auth"}, {"mail_from": ""}, RAW, True),
        (
            {"use_domain": "recipient"},
            {"rcpt": ("b@example.com",), "mail_from": ""},
            from_("other.example"),
            False,
        ),
        ({"allow_username_mismatch": True}, {"user": "al", "mail_from": ""}, RAW, True),
        ({}, {}, b"From: a@example.com, b@example.com\r\n\r\n", False),
        ({"allow_hdrfrom_multiple": True}, {}, b"From: a@example.com, b@x.y\r\n\r\n", True),
        ({"use_domain": "envelope"}, {}, b"Subject: no From\r\n\r\n", True),
        ({"use_domain": "auth", "allow_hdrfrom_mismatch": True}, {}, from_("x.example"), True),
        ({"use_domain": "recipient"}, {"rcpt": ("b@example.com",)}, RAW, True),
        ({"use_domain": "recipient"}, {"rcpt": ()}, RAW, False),
        ({"try_fallback": False}, {}, RAW, False),
        ({"selector": "absent"}, {}, RAW, False),
        ({"path": ""}, {}, RAW, False),
    ],
)
def test_what_is_signed(
    key_directory: Path,
    options: dict[str, Any],
    envelope: dict[str, Any],
    raw: bytes,
    signs: bool,
) -> None:
    sink = run_signing(sign_options(key_directory, **options), raw, **envelope)
    assert bool(sink.symbols) is signs


@pytest.mark.parametrize(
    "domain", ["../../etc/x.y", "a/../b.example", "..", "a b.example", "ex\u0430mple.com/", "*.com"]
)
def test_domains_cannot_leave_the_key_directory(key_directory: Path, domain: str) -> None:
    # Somebody who logs in under a chosen name must not choose a file.
    options = sign_options(key_directory, use_domain="auth", allow_hdrfrom_mismatch=True)
    task = Task(
        message=Message(RAW),
        envelope=Envelope(user=f"a@{domain}", mail_from="a@example.com"),
        sections={},
        now=float(NOW),
        server="mx1",
    )
    assert signing_domain(task, options) is None
    without_esld = sign_options(
        key_directory, use_domain="auth", allow_hdrfrom_mismatch=True, use_esld=False
    )
    assert signing_domain(task, without_esld) is None


def test_wildcard_domain(key_directory: Path) -> None:
    path = f"{key_directory}/$domain.$selector.key"
    domains = {"*": DomainKeys(path=path, selector="ed")}
    options = sign_options(key_directory, path="", domain=MappingProxyType(domains))
    assert run_signing(options).symbols == {"DKIM_SIGNED": ("example.com:s=ed",)}


@pytest.mark.parametrize(
    ("record", "failing", "allow", "signs"),
    [
        ("right", False, False, True),
        ("other", False, False, False),
        ("other", False, True, True),
        ("none", False, False, False),
        ("none", True, False, False),
        ("none", True, True, True),
    ],
)
def test_published_key_is_compared(
    key_directory: Path,
    keys: Any,
    caplog: pytest.LogCaptureFixture,
    record: str,
    failing: bool,
    allow: bool,
    signs: bool,
) -> None:
    name = "dkim._domainkey.example.com"
    zone: dict[str, dict[str, list[Any]]] = {}
    if record != "none":
        key = keys.rsa if record == "right" else keys.ed25519
        zone = {name: {"TXT": [key.record.encode()]}}
    options = sign_options(key_directory, check_pubkey=True, allow_pubkey_mismatch=allow)
    with caplog.at_level(logging.WARNING):
        sink = run_signing(options, zone=zone, failing=(name,) if failing else ())
    assert bool(sink.symbols) is signs
    assert bool(caplog.records) is (record != "right")


def test_keys_of_tables_are_read_before_the_fork(
    key_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row B48: one key for many domains, as OpenDKIM's tables name it."""
    file = key_directory / "example.com.ed.key"
    options = DkimSigningOptions(
        signing_table=define_text("*@example.com k"), key_table=define_text(f"k %:s:{file}")
    )
    maps = signing.prepare(options, Setup(Config()), "dkim_signing")
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} read again"))
    sink = run_signing(options, states={"dkim_signing": maps})
    assert sink.symbols == {"DKIM_SIGNED": ("example.com:s=s",)}


def test_keys_are_read_before_the_fork(
    key_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = MappingProxyType({"*": DomainKeys(selector="ed")})
    all_others = sign_options(key_directory, domain=domains)
    fallback = sign_options(key_directory)
    for options in (all_others, fallback):
        signing.preload(options)

    def refuse(self: Path) -> bytes:
        raise AssertionError(f"{self} read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert run_signing(fallback).symbols
    assert run_signing(all_others).symbols
