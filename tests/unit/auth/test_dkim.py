"""DKIM verification: the RFCs' messages, every outcome, hostile fields and keys."""

from __future__ import annotations

import contextlib
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim import verify
from filter_engine.auth.dkim_key import DkimKeyError, parse_key_record
from filter_engine.auth.dkim_sign import parse_header_list, sign
from filter_engine.auth.dkim_signature import (
    DkimSignatureError,
    parse_signature,
    without_signature,
)
from filter_engine.auth.results import DkimCode, DkimResult, DkimSignatureResult
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import ASK

NOW = 1_795_219_200
RAW = (
    b"Received: from client.example\r\n\tby mx.example; Fri, 20 Nov 2026 10:00:00 +0000\r\n"
    b"From: Alice <alice@example.com>\r\nTo: bob@example.net\r\n"
    b"Subject: hello\r\n  there\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nHello  Bob, \r\n\r\nbye\r\n\r\n\r\n"
)

# RFC 8463, appendix A.2 and A.3: two signatures, an Ed25519 and an RSA one, and their public keys.
RFC8463_KEYS = {
    "brisbane._domainkey.football.example.com": (
        b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ),
    "test._domainkey.football.example.com": (
        b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6W"
        b"k08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKr"
        b"M3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    ),
}
RFC8463_MESSAGE = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""

Content = Callable[[bytes], SignedContent]
Drive = Callable[..., Any]


def zone(
    records: dict[str, bytes | list[bytes]], failing: list[str] | None = None
) -> TableResolver:
    table = {n: {"TXT": r if isinstance(r, list) else [r]} for n, r in records.items()}
    return TableResolver(table, failing=failing or [])


def signed(raw: bytes, keys: Any, content: Content, kind: str = "rsa", **options: Any) -> bytes:
    """The message with a signature of ours on top."""
    value = sign(content(raw), "example.com", "s1", getattr(keys, kind), NOW, **options)
    return b"DKIM-Signature: " + value.replace("\n", "\r\n").encode() + b"\r\n" + raw


def judge(
    raw: bytes,
    table: TableResolver,
    drive: Drive,
    content: Content,
    now: float = NOW,
    **options: Any,
) -> DkimResult:
    return drive(verify(ASK, content(raw), now, **options), table)


def only(result: DkimResult) -> DkimSignatureResult:
    (signature,) = result.signatures
    return signature


NAME = "s1._domainkey.example.com"
_SPKI = PublicFormat.SubjectPublicKeyInfo


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_rfc_8463_message(drive: Drive, content: Content, line_end: bytes) -> None:
    raw = RFC8463_MESSAGE.replace(b"\n", line_end)
    result = judge(raw, zone(RFC8463_KEYS), drive, content)
    assert [s.result for s in result.signatures] == [DkimCode.PASS, DkimCode.PASS]
    assert [s.algorithm for s in result.signatures] == ["ed25519-sha256", "rsa-sha256"]
    assert [s.key_bits for s in result.signatures] == [256, 1024]
    assert result.signatures[0].signature.startswith("/gCrinpc")


def test_all_keys_are_asked_for_at_once(drive: Drive, content: Content) -> None:
    table = zone(RFC8463_KEYS)
    coroutine = verify(ASK, content(RFC8463_MESSAGE), NOW)
    question = coroutine.send(None)
    assert len(question.questions) == 2
    with pytest.raises(StopIteration):
        coroutine.send(tuple(map(table.answer, question.questions)))


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "short"])
def test_our_signatures_pass(drive: Drive, content: Content, keys: Any, kind: str) -> None:
    raw = signed(RAW, keys, content, kind)
    found = only(judge(raw, zone({NAME: getattr(keys, kind).record.encode()}), drive, content))
    assert found.result is DkimCode.PASS, found
    assert (found.domain, found.selector, found.reason) == ("example.com", "s1", "")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Hello  Bob", b"Hello Bobby", "body hash"),
        (b"Subject: hello", b"Subject: HELLO", "signature"),
        (b"From: Alice", b"From: Mallory", "signature"),
        (b"To: bob", b"Reply-To: x@evil.example\r\nTo: bob", "signature"),
        (b"From: Alice", b"From: ceo@evil.example\r\nFrom: Alice", "signature"),
        (b"t=1795219200", b"t=1795219201", "signature"),
    ],
)
def test_changes_are_found(
    drive: Drive, content: Content, keys: Any, old: bytes, new: bytes, reason: str
) -> None:
    raw = signed(RAW, keys, content)
    assert old in raw
    found = only(
        judge(raw.replace(old, new), zone({NAME: keys.rsa.record.encode()}), drive, content)
    )
    assert found.result is DkimCode.FAIL
    assert found.reason.startswith(reason)


def test_harmless_changes_pass(drive: Drive, content: Content, keys: Any) -> None:
    raw = signed(RAW, keys, content)
    raw = b"X-New: 1\r\n" + raw.replace(b"hello\r\n  there", b"hello there").replace(
        b"  Bob", b" Bob"
    )
    table = zone({NAME: keys.rsa.record.encode()})
    assert only(judge(raw + b"\r\n", table, drive, content)).result is DkimCode.PASS


@pytest.mark.parametrize("mixed", [RAW.replace(b"bye\r\n", b"bye\n"), RAW.replace(b"\r\n", b"\n")])
def test_bare_line_feeds_are_line_ends(
    drive: Drive, content: Content, keys: Any, mixed: bytes
) -> None:
    table = zone({NAME: keys.rsa.record.encode()})
    # The signer saw CRLF and the file that is scanned has bare LFs, and the other way round.
    field, _, _ = signed(RAW, keys, content).partition(b"Received:")
    assert only(judge(field + mixed, table, drive, content)).result is DkimCode.PASS
    field, _, _ = signed(mixed, keys, content).partition(b"Received:")
    assert only(judge(field + RAW, table, drive, content)).result is DkimCode.PASS


def test_second_from_above_a_signed_one_fails(drive: Drive, content: Content, keys: Any) -> None:
    # Signed without oversigning: h= names From once, and a From added above would be shown.
    raw = signed(RAW, keys, content, headers=parse_header_list("from:to:subject"))
    table = zone({NAME: keys.rsa.record.encode()})
    assert only(judge(raw, table, drive, content)).result is DkimCode.PASS
    forged = b"From: ceo@evil.example\r\n" + raw
    assert only(judge(forged, table, drive, content)).result is DkimCode.FAIL


def _record(keys: Any, **changed: str) -> bytes:
    tags = dict(part.split("=", 1) for part in keys.rsa.record.replace(" ", "").split(";"))
    return ";".join(f"{tag}={value}" for tag, value in (tags | changed).items()).encode()


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({}, DkimCode.PASS, ""),
        ({"x": "unknown"}, DkimCode.PASS, ""),
        ({"t": "y"}, DkimCode.PASS, ""),
        ({"s": "email"}, DkimCode.PASS, ""),
        ({"h": "sha1:sha256"}, DkimCode.PASS, ""),
        ({"p": ""}, DkimCode.PERMERROR, "revoked"),
        ({"p": "!!!"}, DkimCode.PERMERROR, "not base64"),
        ({"p": "QUJD"}, DkimCode.PERMERROR, "no rsa key"),
        ({"k": "ed25519"}, DkimCode.PERMERROR, "no ed25519 key"),
        ({"k": "ed2024"}, DkimCode.PERMERROR, "unknown key type"),
        ({"v": "DKIM2"}, DkimCode.PERMERROR, "version"),
        ({"h": "sha1"}, DkimCode.PERMERROR, "not for sha256"),
        ({"s": "tlsrpt"}, DkimCode.PERMERROR, "not for mail"),
        ({"n": "x" * 5000}, DkimCode.PERMERROR, "octets"),
    ],
)
def test_key_records(
    drive: Drive,
    content: Content,
    keys: Any,
    changes: dict[str, str],
    code: DkimCode,
    reason: str,
) -> None:
    raw = signed(RAW, keys, content)
    found = only(judge(raw, zone({NAME: _record(keys, **changes)}), drive, content))
    assert found.result is code, found
    assert reason in found.reason
    assert found.testing is ("t" in changes)


def test_no_key_and_no_dns(drive: Drive, content: Content, keys: Any) -> None:
    raw = signed(RAW, keys, content)
    assert only(judge(raw, zone({}), drive, content)).result is DkimCode.PERMERROR
    failed = only(judge(raw, zone({}, failing=[NAME]), drive, content))
    assert failed.result is DkimCode.TEMPERROR
    assert (failed.reason, failed.detail) == ("key: DNS error", "timeout")


def test_the_first_usable_of_several_records_counts(
    drive: Drive, content: Content, keys: Any
) -> None:
    raw = signed(RAW, keys, content)
    table = zone({NAME: [b"v=spf1 -all", keys.rsa.record.encode()]})
    assert only(judge(raw, table, drive, content)).result is DkimCode.PASS


def _dkimpy_signed(algorithm: bytes, bits: int, **options: Any) -> tuple[bytes, bytes]:
    """A message signed by dkimpy, which takes the day from the clock, and the key record."""
    key = generate_private_key(65537, bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    field = dkimpy.sign(
        RAW, b"s1", b"example.com", pem, signature_algorithm=algorithm, **options
    )  # fmt: skip
    public = key.public_key().public_bytes(Encoding.DER, _SPKI)
    return field + RAW, b"v=DKIM1; k=rsa; p=" + b64encode(public)


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize("length", [False, True])
def test_signatures_of_dkimpy_pass(
    drive: Drive, content: Content, header: bytes, body: bytes, length: bool
) -> None:
    raw, record = _dkimpy_signed(b"rsa-sha256", 1024, canonicalize=(header, body), length=length)
    found = only(judge(raw, zone({NAME: record}), drive, content, time.time()))
    assert found.result is DkimCode.PASS, found
    assert not found.partial
    longer = only(judge(raw + b"BUY\r\n", zone({NAME: record}), drive, content, time.time()))
    assert longer.result is (DkimCode.PASS if length else DkimCode.FAIL)
    assert longer.partial is length


def test_sha1_is_not_accepted(drive: Drive, content: Content) -> None:
    raw, record = _dkimpy_signed(b"rsa-sha1", 1024)
    found = only(judge(raw, zone({NAME: record}), drive, content, time.time()))
    assert found.result is DkimCode.POLICY
    assert "sha1" in found.reason


def test_pkcs1_public_key_is_read(keys: Any) -> None:
    public = keys.rsa.key.public_key()
    material = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert parse_key_record(b"p=" + b64encode(material)).bits == 2048


def test_short_and_huge_keys(drive: Drive, content: Content) -> None:
    def record(bits: int) -> bytes:
        modulus = (1 << (bits - 1)) | (1 << 20) | 1
        key = RSAPublicNumbers(65537, modulus).public_key()
        return b"p=" + b64encode(key.public_bytes(Encoding.DER, _SPKI))

    assert parse_key_record(record(768)).bits == 768
    with pytest.raises(DkimKeyError, match="8200 bits"):
        parse_key_record(record(8200))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("v=1", "v=2", "v="),
        ("a=rsa-sha256", "a=rsa-md5", "algorithm"),
        ("d=example.com", "d=", "d="),
        ("d=example.com", f"d={'x' * 300}.com", "d="),
        ("s=s1", f"s={'x' * 300}", "longer than a name"),
        ("s=s1", "s=../../etc", "domain name"),
        ("s=s1", "s=s1;s=s2", "stands twice"),
        ("h=from:from", "h=to", "From"),
        ("c=relaxed/relaxed", "c=nowsp", "canonicalisation"),
        ("t=1795219200", "t=soon", "t="),
        ("t=1795219200", "t=1795219200; l=-1", "l="),
        ("t=1795219200", "t=1795219200; q=ldap", "q="),
        ("t=1795219200", "t=1795219200; i=a@evil.example", "i="),
        ("bh=", "bx=", "bh"),
        ("t=1795219200", "t=1795249200", "future"),
        ("t=1795219200", "t=1795119200; x=1795120000", "expired"),
        ("t=1795219200", "t=1795219200; x=1795219000", "before it was made"),
    ],
)
def test_unusable_fields_are_neutral(
    drive: Drive, content: Content, keys: Any, old: str, new: str, reason: str
) -> None:
    raw = signed(RAW, keys, content)
    assert old.encode() in raw
    broken = raw.replace(old.encode(), new.encode(), 1)
    table = zone({NAME: keys.rsa.record.encode()})
    found = only(judge(broken, table, drive, content))
    assert found.result is DkimCode.NEUTRAL, found
    assert reason.lower() in found.reason.lower()
    assert not table.asked


def test_clocks_may_differ(drive: Drive, content: Content, keys: Any) -> None:
    raw = signed(RAW, keys, content)
    table = zone({NAME: keys.rsa.record.encode()})
    late = drive(verify(ASK, content(raw), NOW - 3600), table)
    assert only(late).result is DkimCode.PASS
    strict = drive(verify(ASK, content(raw), NOW - 3600, time_jitter=60), table)
    assert only(strict).result is DkimCode.NEUTRAL


def test_many_signatures_are_bounded(drive: Drive, content: Content, keys: Any) -> None:
    raw = signed(RAW, keys, content)
    field, _, rest = raw.partition(b"Received:")
    crowd = field.replace(b"s=s1", b"s=other") * 1000 + b"Received:" + rest
    table = zone({NAME: keys.rsa.record.encode()})
    started = time.process_time()
    result = judge(crowd, table, drive, content)
    assert len(result.signatures) == 5
    assert result.ignored == 995
    assert len(table.asked) == 1
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "value",
    [
        b"v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=" + b" " * 200_000 + b"!",
        b"v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=" + b"\r\n " * 10_000 + b"!",
        b"v=1; a=rsa-sha256; d=example.com; s=s; h=from" + b" " * 30_000 + b"; bh=A; b=A",
        b"v=1; a=rsa-sha256; d=example.com; s=s; h=" + b"from:" * 6000 + b"; bh=A; b=A",
        b"v=1; a=rsa-sha256; d=" + b"a." * 15_000 + b"; s=s; h=from; bh=A; b=A",
        b"=" * 32_000,
        b";" * 32_000,
        b"a" * 32_000,
        b"",
        b"\r\n ",
    ],
    ids=range(10),
)
def test_hostile_fields_end_quickly(drive: Drive, content: Content, value: bytes) -> None:
    started = time.process_time()
    raw = b"DKIM-Signature: " + value + b"\r\n" + RAW
    found = only(judge(raw, zone({}), drive, content))
    assert found.result in (DkimCode.NEUTRAL, DkimCode.PERMERROR)
    assert time.process_time() - started < 0.5


@given(st.binary(max_size=200))
def test_arbitrary_fields_never_raise(value: bytes) -> None:
    with contextlib.suppress(DkimSignatureError):
        parse_signature(b"DKIM-Signature", value)


@given(st.binary(max_size=200))
def test_arbitrary_key_records_never_raise(record: bytes) -> None:
    with contextlib.suppress(DkimKeyError):
        parse_key_record(record)


def test_only_b_is_emptied() -> None:
    assert without_signature(b" v=1; bh=abc=; b = x=\r\n\ty ; s=b") == b" v=1; bh=abc=; b =; s=b"


def test_unsigned_message(drive: Drive, content: Content) -> None:
    assert judge(RAW, zone({}), drive, content) == DkimResult()
