"""HELO, host name, reverse name and the sender's domain, with DNS from a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.checks.hfilter import HfilterOptions, hfilter
from filter_engine.checks.host_patterns import helo_weight, is_fqdn, line_weight
from filter_engine.checks.once_received import OnceReceivedOptions
from filter_engine.message import Message
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import ASK, All, DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding

Scan = Callable[..., dict[str, list[Finding]]]
DNS = {
    "mx.example.com": {"A": ["192.0.2.1"]},
    "v6.example.com": {"AAAA": ["2001:db8::1"]},
    "example.com": {"MX": [(10, "mx.example.com")]},
    "deadmx.example": {"MX": [(10, "gone.deadmx.example")]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["host.example.org"]},
    "3.2.0.192.in-addr.arpa": {"PTR": ["mail.example.org"]},
    "4.2.0.192.in-addr.arpa": {"PTR": ["static-4.example.org"]},
}


@pytest.mark.parametrize(
    ("host", "weight"),
    [
        ("mail.example.com", 0),
        ("dyn-12-34.example.com", 5),
        ("12-34.dynamic.example.com", 5),
        ("host12.dsl.example.com", 4),
        ("pool-12.example.com", 4),
        ("cable-1.example.com", 3),
        ("a.host.example.com", 2),
        ("user-7.example.com", 1),
        ("clients-12.example.com", 5),
        ("dsl-partners.example.com", 0),
    ],
)
def test_names_of_lines(host: str, weight: int) -> None:
    assert line_weight(host) == weight


def test_helo_without_dot() -> None:
    assert helo_weight("localhost") == 5
    assert helo_weight("mail.example.com") == 0


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("a.example.com", True),
        ("a.example.com.", True),
        ("example", False),
        ("-a.example.com", False),
        ("a_b.example.com", False),
        ("a..example.com", False),
        ("x" * 64 + ".example.com", False),
        (".".join(["a"] * 130), False),
    ],
)
def test_fqdn(name: str, valid: bool) -> None:
    assert is_fqdn(name) is valid


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        ({}, set()),
        ({"helo": "v6.example.com"}, set()),
        ({"helo": "localhost"}, {"HFILTER_HELO_5"}),
        ({"helo": "[10.0.0.1]"}, {"HFILTER_HELO_BADIP"}),
        ({"helo": "8.8.8.8"}, {"HFILTER_HELO_BAREIP"}),
        ({"helo": "nowhere.example"}, {"HFILTER_HELO_IP_A", "HFILTER_HELO_NORES_A_OR_MX"}),
        ({"helo": "deadmx.example"}, {"HFILTER_HELO_IP_A", "HFILTER_HELO_NORESOLVE_MX"}),
        ({"helo": "under_score.example"}, {"HFILTER_HELO_NOT_FQDN"}),
        ({"helo": "broken.example"}, set()),
        ({"hostname": None}, {"HFILTER_HOSTNAME_UNKNOWN"}),
        ({"hostname": "ppp-12.example.com"}, {"HFILTER_HOSTNAME_5"}),
        ({"helo": "user-1.example", "hostname": "ppp-12.example.com"}, {"HFILTER_HOSTNAME_5"}),
        ({"helo": "ppp-1.example", "hostname": "ppp-1.example"}, {"HFILTER_HELO_5"}),
        ({"mail_from": "a@nowhere.example"}, {"HFILTER_FROMHOST_NORES_A_OR_MX"}),
        ({"mail_from": "a@deadmx.example"}, {"HFILTER_FROMHOST_NORESOLVE_MX"}),
        ({"mail_from": "a@host"}, {"HFILTER_FROMHOST_NOT_FQDN"}),
        ({"mail_from": "a@broken.example"}, set()),
        ({"mail_from": ""}, {"HFILTER_FROM_BOUNCE"}),
        (
            {"mail_from": "", "rcpt_to": ("a@x.example", "b@x.example")},
            {"HFILTER_FROM_BOUNCE", "HFILTER_RCPT_BOUNCEMOREONE"},
        ),
        ({"helo": "localhost", "hostname": None, "user": "bob"}, set()),
        ({"helo": "localhost", "hostname": None, "local": True}, set()),
    ],
)
def test_hfilter(scan: Scan, envelope: dict[str, Any], expected: set[str]) -> None:
    assert set(scan("hfilter", dns=DNS, **envelope)) == expected


def test_hfilter_options(scan: Scan) -> None:
    off = HfilterOptions(helo_enabled=False, hostname_enabled=False, from_enabled=False)
    envelope = {"helo": "localhost", "hostname": None, "mail_from": "a@nowhere.example"}
    assert scan("hfilter", dns=DNS, options=off, **envelope) == {}
    also = HfilterOptions(check_local=True, check_authed=True, mid_enabled=True)
    found = scan(
        "hfilter",
        {"Message-ID": "<1@nowhere.example>"},
        dns=DNS,
        options=also,
        local=True,
        user="bob",
    )
    assert set(found) == {"HFILTER_MID_NORES_A_OR_MX"}


@pytest.mark.parametrize(
    ("helo", "ip", "flagged"),
    [
        ("mx.example.com", "192.0.2.1", False),
        ("mx.example.com", "192.0.2.9", True),
        ("dual.example.com", "2001:db8::1", False),
        ("dual.example.com", "192.0.2.2", False),
        ("dual.example.com", "192.0.2.9", True),
    ],
)
def test_helo_must_be_the_client(scan: Scan, helo: str, ip: str, *, flagged: bool) -> None:
    dns = DNS | {"dual.example.com": {"A": ["192.0.2.2"], "AAAA": ["2001:db8::1"]}}
    strict = HfilterOptions(helo_must_be_client=True)
    found = scan("hfilter", dns=dns, helo=helo, ip=ip, options=strict)
    assert len(found.get("HFILTER_HELO_IP_A", [])) == int(flagged)
    assert scan("hfilter", dns=dns, helo=helo, ip=ip) == {}


def test_all_names_are_asked_at_once() -> None:
    """Three rounds of questions, however many names and MX there are."""
    mx = {
        "helo.example": [(1, "a.helo.example"), (2, "b.helo.example")],
        "from.example": [(1, "a.from.example")],
    }
    task = Task(
        Message(b"Message-ID: <1@none.example>\r\n\r\n"),
        Envelope(helo="helo.example", hostname="mx.example.com", mail_from="a@from.example"),
        {HfilterOptions: HfilterOptions(mid_enabled=True)},
        0.0,
        "x",
        ip=client_ip("192.0.2.1"),
    )
    coroutine = hfilter(task, ASK)
    rounds: list[list[str]] = []
    answers: Any = None
    found: list[Finding] = []
    while True:
        try:
            asked = coroutine.send(answers)
        except StopIteration as end:
            found = end.value
            break
        assert isinstance(asked, All)
        rounds.append([str(question) for question in asked.questions])
        answers = tuple(
            DnsAnswer(q, DnsStatus.OK, tuple(mx[q.name]))
            if q.rdtype == "MX" and q.name in mx
            else DnsAnswer(q, DnsStatus.NXDOMAIN)
            for q in asked.questions
            if isinstance(q, DnsQuestion)
        )
    assert [len(asked) for asked in rounds] == [6, 3, 6]
    assert rounds[1] == ["MX helo.example", "MX from.example", "MX none.example"]
    assert sorted(f.symbol for f in found) == [
        "HFILTER_FROMHOST_NORESOLVE_MX",
        "HFILTER_HELO_IP_A",
        "HFILTER_HELO_NORESOLVE_MX",
        "HFILTER_HELO_NORESOLVE_MX",
        "HFILTER_MID_NORES_A_OR_MX",
    ]


HOP = "from a.example (a.example [{ip}]) by b.example with SMTP"


@pytest.mark.parametrize(
    ("headers", "envelope", "expected"),
    [
        # With a name: one hop counts unless it is a mail server's.
        ({"Received": HOP.format(ip="192.0.2.1")}, {}, {"ONCE_RECEIVED"}),
        ({"Received": [HOP.format(ip="192.0.2.1")] * 2}, {}, set()),
        ({"Received": HOP.format(ip="192.0.2.1").replace("a.ex", "mail.ex")}, {}, set()),
        (
            {"Received": HOP.format(ip="192.0.2.1")},
            {"hostname": "dynamic.example.com"},
            {"ONCE_RECEIVED", "ONCE_RECEIVED_STRICT"},
        ),
        # Without a name: the reverse name decides.
        ({}, {"hostname": None}, {"ONCE_RECEIVED"}),
        ({}, {"hostname": None, "ip": "192.0.2.3"}, set()),
        ({}, {"hostname": None, "ip": "192.0.2.4"}, {"ONCE_RECEIVED", "ONCE_RECEIVED_STRICT"}),
        (
            {"X-Mailer": "Mailer 1"},
            {"hostname": None, "ip": "192.0.2.66"},
            {"RDNS_NONE", "ONCE_RECEIVED", "ONCE_RECEIVED_STRICT", "DIRECT_TO_MX"},
        ),
        (
            {"Received": [HOP.format(ip="192.0.2.66")] * 2},
            {"hostname": None, "ip": "192.0.2.66"},
            {"RDNS_NONE"},
        ),
        ({}, {"hostname": None, "ip": "192.0.2.66", "user": "bob"}, set()),
        ({}, {"hostname": None, "ip": None}, set()),
    ],
)
def test_once_received(
    scan: Scan, headers: dict[str, Any], envelope: dict[str, Any], expected: set[str]
) -> None:
    assert set(scan("once_received", headers, dns=DNS, **envelope)) == expected


def test_once_received_options(scan: Scan) -> None:
    options = OnceReceivedOptions(good_host=("host",), check_authed=True)
    assert scan("once_received", dns=DNS, options=options, hostname=None, user="bob") == {}


@pytest.mark.parametrize(
    ("body", "option"),
    [
        ("http://a.example/" + "x" * 83, "1"),
        ("see http://a.example/" + "x" * 70, "0.78021978021978"),
        ("Please look at http://a.example/ when you can", None),
        ("", None),
    ],
)
def test_urls_only(scan: Scan, body: str, option: str | None) -> None:
    found = scan("hfilter_url", {}, body)
    assert [one.options for one in found.get("HFILTER_URL_ONLY", [])] == (
        [(option,)] if option else []
    )
    assert scan("hfilter_url", {}, body, options=HfilterOptions(url_enabled=False)) == {}
