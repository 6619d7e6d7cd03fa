"""The checks spf, dkim, dmarc and dkim_signing: symbols, options, and whose mail is left alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from filter_engine import checks as builtin
from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim_sign import sign
from filter_engine.auth.results import DkimCode, DkimResult, DmarcResult, SpfResult
from filter_engine.checks import dkim_signing as signing
from filter_engine.checks import dmarc as dmarc_check
from filter_engine.checks import spf as spf_check
from filter_engine.config.addresses import AddressSet
from filter_engine.config.schema import Section
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY, Check, Returned
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Outcome, PreResult

builtin.load()

NOW = 1_795_219_200
RAW = b"From: Al <al@example.com>\r\nTo: bo@example.net\r\nSubject: x\r\n\r\nhello\r\n"
ZONE: dict[str, dict[str, list[Any]]] = {
    "example.com": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 -all"]},
    "_dmarc.example.com": {"TXT": [b"v=DMARC1; p=reject"]},
    "open.example": {"TXT": [b"v=spf1 +all"]},
    "quarantine.example": {"TXT": [b"v=spf1 ~all"]},
    "_dmarc.quarantine.example": {"TXT": [b"v=DMARC1; p=quarantine"]},
    "soft.example": {"TXT": [b"v=spf1 ?all"]},
    "_dmarc.soft.example": {"TXT": [b"v=DMARC1; p=none"]},
    "_dmarc.bad.example": {"TXT": [b"v=DMARC1; p=bogus"]},
    "broken.example": {"TXT": [b"v=spf1 oops -all"]},
}


class Sink:
    """Collects outcomes by check."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def finished(self, check: Check, returned: Returned) -> object:
        if returned is None:
            return None
        assert isinstance(returned, Outcome)
        self.outcomes[check.name] = returned
        return returned.value

    def failed(self, check: Check, error: Exception) -> None:
        raise error

    @property
    def symbols(self) -> dict[str, tuple[str, ...]]:
        return {f.symbol: f.options for o in self.outcomes.values() for f in o.findings}


def scan(
    raw: bytes = RAW,
    *,
    ip: str | None = "192.0.2.1",
    mail_from: str | None = "al@example.com",
    helo: str = "mx.example.com",
    user: str | None = None,
    local: bool = False,
    rcpt: tuple[str, ...] = (),
    sections: tuple[Section, ...] = (),
    checks: tuple[str, ...] = ("spf", "dkim", "dmarc"),
    zone: dict[str, dict[str, list[Any]]] | None = None,
    failing: tuple[str, ...] = (),
) -> Sink:
    task = Task(
        message=Message(raw),
        envelope=Envelope(ip=ip, mail_from=mail_from, helo=helo, user=user, rcpt_to=rcpt),
        sections={type(section): section for section in sections},
        now=float(NOW),
        server="mx1",
        local=local or ip is None,
        ip=ip_address(ip) if ip else None,
    )
    sink = Sink()
    driver = Driver(task, TableResolver(ZONE | (zone or {}), failing=failing), sink)
    driver.start([REGISTRY[name] for name in checks])
    assert driver.idle
    return sink


def from_(domain: str) -> bytes:
    return RAW.replace(b"example.com", domain.encode())


@pytest.mark.parametrize(
    ("arguments", "symbols"),
    [
        (
            {},
            {
                "R_SPF_ALLOW": ("+ip4:192.0.2.0/24",),
                "R_DKIM_NA": (),
                "DMARC_POLICY_ALLOW": ("example.com", "reject"),
            },
        ),
        (
            {"ip": "203.0.113.1"},
            {
                "R_SPF_FAIL": ("-all",),
                "R_DKIM_NA": (),
                "DMARC_POLICY_REJECT": (
                    "example.com : No valid SPF, No valid DKIM",
                    "reject",
                ),
            },
        ),
        (
            {"raw": from_("quarantine.example"), "mail_from": "a@quarantine.example"},
            {
                "R_SPF_SOFTFAIL": ("~all",),
                "R_DKIM_NA": (),
                "DMARC_POLICY_QUARANTINE": (
                    "quarantine.example : No valid SPF, No valid DKIM",
                    "quarantine",
                ),
            },
        ),
        (
            {"raw": from_("soft.example"), "mail_from": "a@soft.example"},
            {
                "R_SPF_NEUTRAL": ("?all",),
                "R_DKIM_NA": (),
                "DMARC_POLICY_SOFTFAIL": ("soft.example : No valid SPF, No valid DKIM", "none"),
            },
        ),
        (
            {"mail_from": "a@open.example", "raw": from_("nobody.example")},
            {"R_SPF_PLUSALL": ("+all",), "R_DKIM_NA": (), "DMARC_NA": ("nobody.example",)},
        ),
        (
            {"mail_from": "", "helo": "nobody.example", "raw": from_("bad.example")},
            {
                "R_SPF_NA": ("no SPF record",),
                "R_DKIM_NA": (),
                "DMARC_BAD_POLICY": ("bad.example : p tag has invalid value: bogus",),
            },
        ),
        (
            {"failing": ("example.com", "_dmarc.example.com")},
            {
                "R_SPF_DNSFAIL": ("TXT of example.com: timeout",),
                "R_DKIM_NA": (),
                "DMARC_DNSFAIL": ("example.com : timeout",),
            },
        ),
        (
            {"failing": ("example.com",)},
            {
                "R_SPF_DNSFAIL": ("TXT of example.com: timeout",),
                "R_DKIM_NA": (),
                "DMARC_DNSFAIL": ("example.com : SPF/DKIM temp error", "reject"),
            },
        ),
        (
            {"mail_from": "a@broken.example", "raw": b"To: x@y.z\r\n\r\n"},
            {
                "R_SPF_PERMFAIL": ("broken.example: unknown mechanism 'oops'",),
                "R_DKIM_NA": (),
                "DMARC_NA": ("No From header",),
            },
        ),
        (
            {"raw": b"From: a@example.com, b@example.net\r\n\r\n"},
            {
                "R_SPF_ALLOW": ("+ip4:192.0.2.0/24",),
                "R_DKIM_NA": (),
                "DMARC_NA": ("Duplicate From header",),
            },
        ),
        (
            {"raw": b"From: a@example.com\r\nFrom: b@example.com\r\n\r\n"},
            {
                "R_SPF_ALLOW": ("+ip4:192.0.2.0/24",),
                "R_DKIM_NA": (),
                "DMARC_NA": ("Duplicate From header",),
            },
        ),
        # Nothing is known of a client without an address: DKIM and DMARC still speak.
        (
            {"ip": None},
            {
                "R_DKIM_NA": (),
                "DMARC_POLICY_REJECT": (
                    "example.com : No valid SPF, No valid DKIM",
                    "reject",
                ),
            },
        ),
        ({"local": True}, {}),
        ({"user": "al@example.com"}, {}),
    ],
)
def test_symbols(arguments: dict[str, Any], symbols: dict[str, tuple[str, ...]]) -> None:
    assert scan(**arguments).symbols == symbols


def test_check_local_and_check_authed() -> None:
    local = spf_check.SpfOptions(check_local=True)
    authed = spf_check.SpfOptions(check_authed=True)
    assert scan(local=True, sections=(local,), checks=("spf",)).symbols
    assert not scan(local=True, sections=(authed,), checks=("spf",)).symbols
    assert scan(user="u", sections=(authed,), checks=("spf",)).symbols
    assert not scan(user="u", sections=(local,), checks=("spf",)).symbols


def test_whitelisted_client_is_not_checked() -> None:
    options = spf_check.SpfOptions(whitelist=AddressSet(("192.0.2.0/24",)))
    assert not scan(sections=(options,), checks=("spf",)).symbols
    assert scan(ip="203.0.113.1", sections=(options,), checks=("spf",)).symbols


def test_values_for_other_checks_and_headers() -> None:
    outcomes = scan(mail_from="").outcomes
    spf = outcomes["spf"].value
    assert isinstance(spf, SpfResult)
    assert (spf.by_helo, spf.sender, spf.helo) == (
        True,
        "postmaster@mx.example.com",
        "mx.example.com",
    )
    assert spf.ip == "192.0.2.1"
    assert outcomes["dkim"].value == DkimResult()
    assert isinstance(outcomes["dmarc"].value, DmarcResult)


@pytest.fixture
def signed(keys: Any, content: Callable[[bytes], SignedContent]) -> bytes:
    value = sign(content(RAW), "example.com", "s1", keys.rsa, NOW)
    return b"DKIM-Signature: " + value.replace("\n", "\r\n").encode() + b"\r\n" + RAW


def key_zone(keys: Any) -> dict[str, dict[str, list[Any]]]:
    return {"s1._domainkey.example.com": {"TXT": [keys.rsa.record.encode()]}}


def test_dkim_symbols(signed: bytes, keys: Any) -> None:
    passed = scan(signed, ip="203.0.113.1", mail_from="x@other.example", zone=key_zone(keys))
    assert passed.symbols == {
        "R_SPF_NA": ("no SPF record",),
        "DKIM_TRACE": ("example.com:+",),
        "R_DKIM_ALLOW": ("example.com:s=s1",),
        "DMARC_POLICY_ALLOW": ("example.com", "reject"),
    }
    changed = scan(signed.replace(b"hello", b"hullo"), checks=("dkim",), zone=key_zone(keys))
    assert changed.symbols == {
        "DKIM_TRACE": ("example.com:-",),
        "R_DKIM_REJECT": ("example.com:s=s1",),
    }
    keyless = scan(signed, checks=("dkim",))
    assert keyless.symbols == {
        "DKIM_TRACE": ("example.com:~",),
        "R_DKIM_PERMFAIL": ("example.com:s=s1",),
    }
    slow = scan(signed, checks=("dkim",), failing=("s1._domainkey.example.com",))
    assert slow.symbols == {
        "DKIM_TRACE": ("example.com:?",),
        "R_DKIM_TEMPFAIL": ("example.com:s=s1",),
    }


def test_field_that_is_no_signature_sets_no_symbol() -> None:
    sink = scan(b"DKIM-Signature: nonsense\r\n" + RAW, checks=("dkim",))
    assert sink.symbols == {}
    (signature,) = sink.outcomes["dkim"].value.signatures
    assert signature.result is DkimCode.NEUTRAL


def test_allow_with_failures(signed: bytes, keys: Any) -> None:
    sink = scan(signed, ip="203.0.113.1", zone=key_zone(keys))
    assert sink.symbols["DMARC_POLICY_ALLOW_WITH_FAILURES"] == ()
    weights = {f.symbol: f.weight for f in sink.outcomes["dmarc"].findings}
    assert weights == {"DMARC_POLICY_ALLOW": 0.0, "DMARC_POLICY_ALLOW_WITH_FAILURES": 1.0}


def test_dmarc_actions() -> None:
    options = dmarc_check.DmarcOptions(
        actions=dmarc_check.DmarcActions(reject="reject", quarantine="add_header", na="greylist")
    )

    def pre_result(**arguments: Any) -> PreResult | None:
        return scan(sections=(options,), **arguments).outcomes["dmarc"].pre_result

    rejected = pre_result(ip="203.0.113.1")
    assert rejected is not None
    assert (rejected.action, rejected.message) == (Action.REJECT, "Action set by DMARC")
    assert rejected.least
    assert not rejected.stops
    marked = pre_result(raw=from_("quarantine.example"), mail_from="a@quarantine.example")
    assert marked is not None
    assert marked.action is Action.ADD_HEADER
    unknown = pre_result(raw=from_("nobody.example"))
    assert unknown is not None
    assert unknown.action is Action.GREYLIST
    assert pre_result() is None
    assert pre_result(raw=from_("soft.example"), mail_from="a@soft.example") is None


def test_sampling_differs_between_messages_and_not_between_replays() -> None:
    zone = {"_dmarc.example.com": {"TXT": [b"v=DMARC1; p=reject; pct=50"]}}
    found = [
        scan(RAW + b"%d\r\n" % i, ip="203.0.113.1", zone=zone).outcomes["dmarc"].value.disposition
        for i in range(40)
    ]
    assert len(set(found)) == 2
    again = [
        scan(RAW + b"%d\r\n" % i, ip="203.0.113.1", zone=zone).outcomes["dmarc"].value.disposition
        for i in range(40)
    ]
    assert found == again


# --- signing -----------------------------------------------------------------------------------


@pytest.fixture
def key_directory(
    tmp_path: Path, keys: Any, pem: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Key files of example.com under two selectors; a fresh key ring."""
    monkeypatch.setattr(signing, "KEYS", signing.KeyRing())
    for selector, key in (("dkim", keys.rsa), ("ed", keys.ed25519)):
        path = tmp_path / f"example.com.{selector}.key"
        path.write_bytes(pem(key.key, PrivateFormat.PKCS8))
    return tmp_path


def sign_options(directory: Path, **options: Any) -> signing.DkimSigningOptions:
    return signing.DkimSigningOptions(**({"path": f"{directory}/$domain.$selector.key"} | options))


def run_signing(options: signing.DkimSigningOptions, raw: bytes = RAW, **envelope: Any) -> Sink:
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
    place = signing.KeyPlace
    domains = {
        "example.com": signing.DomainKeys(
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
    assert signing.signing_domain(task, options) is None
    without_esld = sign_options(
        key_directory, use_domain="auth", allow_hdrfrom_mismatch=True, use_esld=False
    )
    assert signing.signing_domain(task, without_esld) is None


def test_wildcard_domain(key_directory: Path) -> None:
    path = f"{key_directory}/$domain.$selector.key"
    domains = {"*": signing.DomainKeys(path=path, selector="ed")}
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


def test_keys_are_read_before_the_fork(
    key_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = {"*": signing.DomainKeys(selector="ed")}
    signing.preload(sign_options(key_directory, domain=MappingProxyType(domains)))

    def refuse(self: Path) -> bytes:
        raise AssertionError(f"{self} read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert run_signing(sign_options(key_directory)).symbols
    assert run_signing(sign_options(key_directory, selector="ed")).symbols
