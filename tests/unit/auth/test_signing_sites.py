"""Signing and sealing by whole configurations: where keys are, and when the verdict forbids."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from filter_engine import checks
from filter_engine.checks.dkim_signing import DkimSigningOptions
from filter_engine.checks.signing import keys as signing
from filter_engine.config.loader import load
from filter_engine.config.model import Config
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.verdict import Action, Verdict
from filter_engine.scanner import Scanner
from filter_engine.wire.milter.codec import Actions
from filter_engine.wire.milter.reply import ReplyOptions, milter_reply
from policy_scan import RAW, from_

checks.load()
LOGIN = {"ip": "203.0.113.9", "user": "al@example.com", "mail_from": "al@example.com"}
Site = Callable[..., Callable[..., Verdict]]


@pytest.fixture
def key_file(tmp_path: Path, keys: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(signing, "KEYS", signing.KeyRing())
    path = tmp_path / "rsa.key"
    path.write_bytes(keys.rsa.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def bare(keys: Any) -> str:
    """A key as one line of base64 (row A27)."""
    der = keys.rsa.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return base64.b64encode(der).decode()


@pytest.fixture
def site(tmp_path: Path, key_file: Path) -> Site:
    def make(zone: dict[str, Any] | None = None, **files: str) -> Callable[..., Verdict]:
        local = tmp_path / "local.d"
        local.mkdir(exist_ok=True)
        for name, text in files.items():
            # not within the base64 of a key, where chance may write it
            named = re.sub(r'(?<=[" :])KEY(?=[";])', str(key_file), text)
            (local / f"{name}.conf").write_text(named)
        variables = {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}
        config = load(None, variables, {}, modules=sections(REGISTRY), groups=REGISTRY.groups())
        scanner = Scanner(config, transport=TableResolver(zone or {}), server="mx1")

        def scan(raw: bytes = RAW, **given: Any) -> Verdict:
            return asyncio.run(scanner.scan(raw, Envelope(**{**LOGIN, **given})))

        return scan

    return make


def signed(verdict: Verdict) -> tuple[str, ...] | None:
    found = verdict.symbol("DKIM_SIGNED")
    assert (found is not None) is bool(verdict.signatures)
    return found.options if found else None


def verifies(verdict: Verdict, keys: Any, raw: bytes = RAW) -> bool:
    (value,) = verdict.signatures
    mail = f"DKIM-Signature: {value}\n".replace("\n", "\r\n").encode() + raw
    return bool(dkim.verify(mail, dnsfunc=lambda *_, **__: keys.rsa.record.encode()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('path = "KEY"; selector = "S1";', "example.com:s=S1"),
        ('domain { example.com { path = "KEY"; selector = "a"; } }', "example.com:s=a"),
        ('path_map = ["example.com KEY"];', "example.com:s=dkim"),
        (
            'path = "KEY"; selector_map = ["example.com mapped"]; try_fallback = false;',
            "example.com:s=mapped",
        ),
        ('path = "KEY"; try_fallback = false;', None),
        (
            'signing_table = ["*@example.com k1"]; key_table = ["k1 %:t:KEY"];',
            "example.com:s=t",
        ),
        ('signing_table = ["*@example.com %"]; key_table = ["* %:KEY"];', "example.com:s=dkim"),
        ('signing_table = ["*@other.example k1"]; key_table = ["k1 %:t:KEY"];', None),
        ('signing_table = ["*@example.com k2"]; key_table = ["k1 %:t:KEY"];', None),
        ('signing_table = ["*@example.com k1"]; key_table = ["k1 nonsense"];', None),
        ('path = "KEY"; whitelist = ["203.0.113.0/24"];', None),
        ('path = "KEY"; use_domain = "fixed.example"; allow_username_mismatch = true;',
         "fixed.example:s=dkim"),
    ],
)  # fmt: skip
def test_where_keys_are(site: Site, keys: Any, options: str, expected: str | None) -> None:
    verdict = site(dkim_signing=options)()
    assert signed(verdict) == (None if expected is None else (expected,))
    assert expected is None or verifies(verdict, keys)


TENANTS = (
    'signing_table = ["*@example.com keya", "*@tenant-b.example keyb"];'
    'key_table = ["keya example.com:a:KEY", "keyb tenant-b.example:b:KEY"];'
)


@pytest.mark.parametrize(
    ("more", "given", "expected"),
    [
        ("", {}, None),
        ("allow_hdrfrom_mismatch = true;", {}, None),  # the login is another's still
        ("allow_username_mismatch = true;", {}, None),  # the sender is another's still
        ("", {"mail_from": "x@tenant-b.example"}, None),
        ("", {"mail_from": ""}, None),
        ("", {"user": "ceo@tenant-b.example"}, None),
        ("", {"user": "al", "mail_from": "x@tenant-b.example"}, None),
        (
            "allow_envfrom_empty = false;",
            {"user": "ceo@tenant-b.example", "mail_from": ""},
            None,
        ),
        ("", {"user": "ceo@tenant-b.example", "mail_from": "x@tenant-b.example"}, "b"),
        ("", {"user": "ceo@tenant-b.example", "mail_from": ""}, "b"),
        ("allow_hdrfrom_mismatch = true; allow_username_mismatch = true;", {}, "b"),
    ],
)
@pytest.mark.parametrize("module", ["dkim_signing", "arc"])
def test_tables_sign_for_nobody_elses_domain(
    site: Site, module: str, more: str, given: dict[str, Any], expected: str | None
) -> None:
    """The tables name the key of a From address; who logged in may not choose that address."""
    own = "sign_authenticated = true;" if module == "arc" else ""
    if module == "arc" and "allow_hdrfrom_mismatch" not in more:
        own += "allow_hdrfrom_mismatch = false;"  # as shipped, seals are given despite it
    verdict = site(**{module: TENANTS + own + more})(from_("tenant-b.example"), **given)
    found = verdict.symbol({"dkim_signing": "DKIM_SIGNED", "arc": "ARC_SIGNED"}[module])
    seal = ":i=1" if module == "arc" else ""
    told = found.options if found is not None else ()
    assert told == ((f"tenant-b.example:s={expected}{seal}",) if expected else ())


def test_a_key_in_the_configuration(site: Site, keys: Any, bare: str) -> None:
    text = f'domain {{ example.com {{ key = "{bare}"; selector = "inline"; }} }}'
    verdict = site(dkim_signing=text)()
    assert signed(verdict) == ("example.com:s=inline",)
    assert verifies(verdict, keys)
    found = verdict.symbol("DKIM_SIGNED")
    assert found is not None
    assert bare[:20] not in repr(found)


def asked(bare: str, **others: str) -> tuple[tuple[bytes, bytes], ...]:
    said = {
        "performdkimsign": "1",
        "dkimdomain": "Example.com",
        "dkimselector": "web",
        "dkimprivatekey": bare,
        **others,
    }
    return tuple((name.encode(), value.encode()) for name, value in said.items())


def test_a_key_in_the_request(site: Site, keys: Any, bare: str) -> None:
    scan = site(dkim_signing="use_http_headers = true;")
    verdict = scan(request_headers=asked(bare), user=None)
    assert signed(verdict) == ("example.com:s=web",)
    assert verifies(verdict, keys)
    assert signed(scan()) is None
    for wrong in ({"dkimdomain": "../x"}, {"dkimselector": "a b"}, {"dkimprivatekey": "AAAA"}):
        assert signed(scan(request_headers=asked(bare, **wrong))) is None
    off = site(dkim_signing='use_http_headers = false; path = "/nonexistent";')
    assert signed(off(request_headers=asked(bare))) is None


def test_requests_that_ask_for_nothing_may_be_signed_as_usual(site: Site) -> None:
    text = 'use_http_headers = true; allow_headers_fallback = true; path = "KEY";'
    assert signed(site(dkim_signing=text)()) == ("example.com:s=dkim",)


BROKEN = b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"


@pytest.mark.parametrize(("check", "signs"), [("true", False), ("false", True)])
def test_what_came_with_a_bad_signature(site: Site, keys: Any, check: str, signs: bool) -> None:
    scan = site(
        zone={"s._domainkey.x.example": {"TXT": [keys.rsa.record.encode()]}},
        dkim="check_authed = true;",
        dkim_signing=f'path = "KEY"; check_violation = {check};',
    )
    verdict = scan(BROKEN + RAW)
    assert verdict.symbol("R_DKIM_REJECT") is not None
    assert (signed(verdict) is not None) is signs


REFUSE = 'rules { r { action = "%s"; expression = "MIME_GOOD"; } }'


@pytest.mark.parametrize(
    ("action", "more", "signs"),
    [
        ("reject", "", False),
        ("soft reject", "", False),
        ("discard", "", False),
        ("add header", "", True),
        ("add header", "skip_spam_sign = true;", False),
        ("no action", "skip_spam_sign = true;", True),
    ],
)
def test_what_is_refused_is_not_signed(site: Site, action: str, more: str, signs: bool) -> None:
    raw = RAW.replace(b"Subject", b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nSubject")
    files = {"dkim_signing": f'path = "KEY"; {more}'}
    if action != "no action":
        files["force_actions"] = REFUSE % action
    verdict = site(**files)(raw)
    assert verdict.symbol("MIME_GOOD") is not None
    assert verdict.action.value == action
    assert (signed(verdict) is not None) is signs


def test_a_rewritten_subject_is_not_signed(site: Site, keys: Any) -> None:
    raw = RAW.replace(b"Subject", b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nSubject")
    rule = REFUSE % "rewrite subject"
    verdict = site(dkim_signing='path = "KEY";', force_actions=rule)(raw)
    assert verdict.action is Action.REWRITE_SUBJECT
    assert verifies(verdict, keys, raw.replace(b"Subject: x", b"Subject: ***SPAM*** x"))


def test_signatures_among_the_headers(site: Site) -> None:
    verdict = site(dkim_signing='path = "KEY"; use_milter_headers = true;')()
    assert not verdict.signatures
    (header,) = (edit for edit in verdict.edits.add if edit.name == "DKIM-Signature")
    assert header.order == 1


def test_the_settings_id_decides(site: Site) -> None:
    settings = 'out { id = "out"; apply { flags = ["groups"]; } }'
    scan = site(dkim_signing='path = "KEY"; allowed_ids = ["out"];', settings=settings)
    assert signed(scan()) is None
    assert signed(scan(settings_id="out")) is not None
    scan = site(dkim_signing='path = "KEY"; forbidden_ids = ["out"];', settings=settings)
    assert signed(scan()) is not None
    assert signed(scan(settings_id="out")) is None


def test_a_store_that_does_not_answer(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    scan = site(dkim_signing='use_redis = true; path = "KEY";', redis='servers = "127.0.0.1:9";')
    assert signed(scan()) is None
    assert "no key dkim.example.com" in caplog.text


def test_the_mta_gets_the_set_in_order(site: Site, keys: Any) -> None:
    text = 'path = "KEY"; use_domain = "mx.example";'
    verdict = site(arc=text)(user=None, ip="192.0.2.1", rcpt_to=("bo@example.net",))
    assert verdict.symbol("ARC_SIGNED") is not None
    names = [edit.name for edit in verdict.edits.add if edit.name.startswith("ARC-")]
    assert names == ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"]
    packets = milter_reply(verdict, {}, int(Actions.ADD_HEADERS), ReplyOptions())
    places = [packets.index(f"\0\0\0\x01{name}\0".encode()) for name in names]
    assert places == sorted(places)
    mail = RAW
    for edit in verdict.edits.add:
        if edit.name.startswith("ARC-"):
            mail = f"{edit.name}: {edit.value}\n".replace("\n", "\r\n").encode() + mail
    assert dkim.arc_verify(mail, dnsfunc=lambda *_, **__: keys.rsa.record.encode())[0] == b"pass"


def test_no_recording_holds_a_key(bare: str) -> None:
    from filter_engine.scan.recording import _stored_as_dict
    from filter_engine.scan.setup import Setup
    from filter_engine.scan.store import StoreAnswer, StoreStatus

    options = DkimSigningOptions(use_redis=True)
    store = signing.prepare(options, Setup(Config()), "dkim_signing").store
    assert store is not None
    question = store.fields(b"dkim_keys", b"s.example.com")
    answer = StoreAnswer(question, StoreStatus.OK, [bare.encode()])
    assert bare not in repr(_stored_as_dict(answer))
