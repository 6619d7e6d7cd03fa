"""The checks spf, dkim and dmarc: symbols, options, and whose mail is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.auth.canonical import SignedContent
from filter_engine.auth.dkim_sign import sign
from filter_engine.auth.results import DkimCode, DkimResult, DmarcResult, SpfResult
from filter_engine.checks import dmarc as dmarc_check
from filter_engine.checks import spf as spf_check
from filter_engine.config.addresses import AddressSet
from filter_engine.config.map_definition import MapDefinition, MapEntry
from filter_engine.config.model import Config
from filter_engine.headers.authentication_results import authentication_results
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, PreResult
from policy_scan import NOW, RAW, from_, scan


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
                "R_SPF_DNSFAIL": ("TXT of example.com: DNS error",),
                "R_DKIM_NA": (),
                "DMARC_DNSFAIL": ("example.com : DNS error",),
            },
        ),
        (
            {"failing": ("example.com",)},
            {
                "R_SPF_DNSFAIL": ("TXT of example.com: DNS error",),
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


def test_only_evidence_names_the_resolver(signed: bytes, keys: Any) -> None:
    failing = ("example.com", "_dmarc.example.com", "s1._domainkey.example.com")
    sink = scan(signed, failing=failing, zone=key_zone(keys))
    outcomes = {name: sink.outcomes[name] for name in ("spf", "dkim", "dmarc")}
    task = Task(
        Message(signed),
        Envelope(mail_from="a@example.com"),
        {},
        float(NOW),
        "mx1",
        results={name: outcome.value for name, outcome in outcomes.items()},
    )
    header = authentication_results(task)
    for name, outcome in outcomes.items():
        assert f"{name}=temperror" in header
        # "timeout" is what this table's resolver says of itself.
        assert any("timeout" in finding.evidence for finding in outcome.findings), name
        assert not any("timeout" in option for f in outcome.findings for option in f.options)
    assert 'reason="DNS error"' in header
    assert "timeout" not in header


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


def test_domains_say_whose_mail_is_checked() -> None:
    """Row C9: rmilter's ``spf_domains`` as a scope of the check."""
    written = MapDefinition(entries=(MapEntry("Example.COM"), MapEntry("b.example")))
    options = spf_check.SpfOptions(domains=written)
    prepare = REGISTRY["spf"].prepare
    assert prepare is not None
    states = {"spf": prepare(options, Setup(Config()))}

    def symbols(**said: Any) -> dict[str, tuple[str, ...]]:
        return scan(sections=(options,), checks=("spf",), states=states, **said).symbols

    assert symbols(mail_from="al@EXAMPLE.com") == {"R_SPF_ALLOW": ("+ip4:192.0.2.0/24",)}
    assert symbols(mail_from="al@open.example") == {}
    assert symbols(mail_from="al@sub.example.com") == {}
    assert symbols(mail_from="", helo="example.com") == {"R_SPF_ALLOW": ("+ip4:192.0.2.0/24",)}


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


def test_a_pass_with_failures_is_left_to_the_composite(signed: bytes, keys: Any) -> None:
    # conf/composites.conf sets DMARC_POLICY_ALLOW_WITH_FAILURES; setting it here counted twice.
    sink = scan(signed, ip="203.0.113.1", zone=key_zone(keys))
    weights = {f.symbol: f.weight for f in sink.outcomes["dmarc"].findings}
    assert weights == {"DMARC_POLICY_ALLOW": 1.0}


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


@pytest.mark.parametrize(
    "written",
    [
        "ceo@example.com;",
        "<ceo@example.com,>",
        "Bank: ceo@example.com;",
        "Bank: <ceo@example.com>;",
        "ceo@example.com\x01",
        "<ceo@example.com;>",
        "<ceo@example.com>, <>",
        "<>, ceo@example.com",
        "<x>, <ceo@example.com>",
        "ceo@example..com",
        "<a@;>, <ceo@example.com>",
    ],
)
def test_a_broken_from_is_judged_as_it_is_read(written: str) -> None:
    raw = RAW.replace(b"Al <al@example.com>", written.encode())
    assert raw != RAW
    sink = scan(raw, ip="203.0.113.1")
    assert "DMARC_POLICY_REJECT" in sink.symbols
    assert sink.outcomes["dmarc"].value.from_domain == "example.com"


def test_from_with_a_blank_before_the_colon_is_no_mbox_line() -> None:
    sink = scan(b"From : al@example.com\r\nSubject: x\r\n\r\nhello\r\n", ip="203.0.113.1")
    assert "DMARC_POLICY_REJECT" in sink.symbols


def test_two_from_fields_of_which_one_is_empty() -> None:
    sink = scan(b"From: <>\r\n" + RAW, ip="203.0.113.1")
    assert "DMARC_POLICY_REJECT" in sink.symbols


@pytest.mark.parametrize(
    ("authors", "action", "said"),
    [
        (
            "a@example.com, b@soft.example",
            Action.REJECT,
            "example.com fails (reject); domains of From: 2",
        ),
        (
            "b@soft.example, c@quarantine.example, a@sub.example.com",
            Action.REJECT,
            "example.com fails (reject); domains of From: 3",
        ),
        (
            "b@soft.example, c@quarantine.example",
            Action.ADD_HEADER,
            "quarantine.example fails (quarantine); domains of From: 2",
        ),
        (
            "a@example.com, b@example.com",
            Action.REJECT,
            "example.com fails (reject); domains of From: 1",
        ),
        ("a@x.example, b@y.example", Action.GREYLIST, ""),
        (
            ", ".join(f"a@{n}.example" for n in range(17)),
            Action.REJECT,
            "17 From domains, more than are looked up",
        ),
    ],
)
def test_several_authors_get_the_strictest_policy(authors: str, action: Action, said: str) -> None:
    """The symbol is Rspamd's; the actions are the site's."""
    actions = dmarc_check.DmarcActions(reject="reject", quarantine="add_header", na="greylist")
    raw = f"From: {authors}\r\n\r\nhello\r\n".encode()
    options = dmarc_check.DmarcOptions(actions=actions)
    outcome = scan(raw, ip="203.0.113.1", sections=(options,)).outcomes["dmarc"]
    (finding,) = outcome.findings
    assert (finding.symbol, finding.options) == ("DMARC_NA", ("Duplicate From header",))
    assert finding.evidence == said
    assert outcome.pre_result is not None
    assert outcome.pre_result.action is action
    unasked = scan(raw, ip="203.0.113.1").outcomes["dmarc"]
    assert unasked.findings[0].options == ("Duplicate From header",)
    assert unasked.pre_result is None


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
