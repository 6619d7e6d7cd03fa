"""SPF beyond the RFC's suite: labels, tolerance, limits, hostile records."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.results import SpfCode, SpfResult
from filter_engine.auth.spf import check_host, checked_identity
from filter_engine.auth.spf_macro import MacroValues, SpfSyntaxError, expand, parse_macro_string
from filter_engine.auth.spf_record import parse_record
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import ASK

Drive = Callable[..., Any]

ZONE: dict[str, dict[str, list[Any]]] = {
    "net.example": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 a:mail.net.example -all"]},
    "mail.net.example": {"A": ["198.51.100.1"], "AAAA": ["2001:db8::1"]},
    "inc.example": {"TXT": [b"v=spf1 ?include:net.example ~all"]},
    "redir.example": {"TXT": [b"v=spf1 redirect=net.example"]},
    "empty.example": {"TXT": [b"v=spf1"]},
    "open.example": {"TXT": [b"v=spf1 +all"]},
    "missing.example": {"TXT": [b"v=spf1 include:nowhere.example ip4:192.0.2.9 -all"]},
    "slow.example": {"TXT": [b"v=spf1 include:dead.example ip4:192.0.2.9 -all"]},
    "slowa.example": {"TXT": [b"v=spf1 a:dead.example ip4:192.0.2.9 ~all"]},
    "slowend.example": {"TXT": [b"v=spf1 a:dead.example"]},
    "loop.example": {"TXT": [b"v=spf1 include:loop.example -all"]},
    "redirloop.example": {"TXT": [b"v=spf1 redirect=redirloop.example"]},
    "bad.example": {"TXT": [b"v=spf1 foo:bar -all"]},
    "xn--bcher-kva.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"]},
}


def check(drive: Drive, domain: str, ip: str = "203.0.113.1", **options: Any) -> SpfResult:
    table = TableResolver(ZONE, failing=["dead.example"])
    return drive(
        check_host(ASK, ip_address(ip), domain, f"x@{domain}", "helo.example", **options), table
    )


@pytest.mark.parametrize(
    ("domain", "ip", "code", "mechanism"),
    [
        ("net.example", "192.0.2.7", SpfCode.PASS, "+ip4:192.0.2.0/24"),
        ("net.example", "198.51.100.1", SpfCode.PASS, "+a:mail.net.example"),
        ("net.example", "2001:db8::1", SpfCode.PASS, "+a:mail.net.example"),
        ("net.example", "::ffff:192.0.2.7", SpfCode.PASS, "+ip4:192.0.2.0/24"),
        ("net.example", "203.0.113.1", SpfCode.FAIL, "-all"),
        ("inc.example", "192.0.2.7", SpfCode.NEUTRAL, "?ip4:192.0.2.0/24"),
        ("inc.example", "203.0.113.1", SpfCode.SOFTFAIL, "~all"),
        ("redir.example", "192.0.2.7", SpfCode.PASS, "+ip4:192.0.2.0/24"),
        ("empty.example", "192.0.2.7", SpfCode.NEUTRAL, "?all"),
        ("open.example", "192.0.2.7", SpfCode.PASS, "+all"),
        ("nowhere.example", "192.0.2.7", SpfCode.NONE, ""),
        ("dead.example", "192.0.2.7", SpfCode.TEMPERROR, ""),
        ("loop.example", "192.0.2.7", SpfCode.PERMERROR, ""),
        ("redirloop.example", "192.0.2.7", SpfCode.PERMERROR, ""),
        ("bad.example", "192.0.2.7", SpfCode.PERMERROR, ""),
        ("bücher.example", "192.0.2.1", SpfCode.PASS, "+ip4:192.0.2.1"),
        ("NET.Example.", "192.0.2.1", SpfCode.PASS, "+ip4:192.0.2.0/24"),
        ("[192.0.2.1]", "192.0.2.1", SpfCode.NONE, ""),
        ("localhost", "192.0.2.1", SpfCode.NONE, ""),
        ("", "192.0.2.1", SpfCode.NONE, ""),
    ],
)
def test_results(drive: Drive, domain: str, ip: str, code: SpfCode, mechanism: str) -> None:
    result = check(drive, domain, ip)
    assert (result.result, result.mechanism) == (code, mechanism)
    assert bool(result.problem) is (code in (SpfCode.NONE, SpfCode.TEMPERROR, SpfCode.PERMERROR))


@pytest.mark.parametrize(
    ("domain", "ip", "strict", "tolerant"),
    [
        ("missing.example", "192.0.2.9", SpfCode.PERMERROR, SpfCode.PASS),
        ("missing.example", "192.0.2.8", SpfCode.PERMERROR, SpfCode.FAIL),
        ("slow.example", "192.0.2.9", SpfCode.TEMPERROR, SpfCode.PASS),
        ("slow.example", "192.0.2.8", SpfCode.TEMPERROR, SpfCode.TEMPERROR),
        ("slowa.example", "192.0.2.9", SpfCode.TEMPERROR, SpfCode.PASS),
        ("slowa.example", "192.0.2.8", SpfCode.TEMPERROR, SpfCode.TEMPERROR),
        ("slowend.example", "192.0.2.8", SpfCode.TEMPERROR, SpfCode.TEMPERROR),
        ("bad.example", "192.0.2.9", SpfCode.PERMERROR, SpfCode.PERMERROR),
        ("loop.example", "192.0.2.9", SpfCode.PERMERROR, SpfCode.PERMERROR),
    ],
)
def test_tolerance(drive: Drive, domain: str, ip: str, strict: SpfCode, tolerant: SpfCode) -> None:
    assert check(drive, domain, ip).result is strict
    assert check(drive, domain, ip, tolerant=True).result is tolerant


@pytest.mark.parametrize(
    ("mail_from", "helo", "expected"),
    [
        ("a@b.example", "h.example", ("b.example", "a@b.example", False)),
        ("", "h.example", ("h.example", "postmaster@h.example", True)),
        (None, " h.example ", ("h.example", "postmaster@h.example", True)),
        ("", None, ("", "postmaster@", True)),
        ("local", "h.example", ("local", "local", False)),
    ],
)
def test_identity(mail_from: str | None, helo: str | None, expected: tuple[str, str, bool]) -> None:
    assert checked_identity(mail_from, helo) == expected


def _hostile(record: bytes, drive: Drive, **more: dict[str, list[Any]]) -> tuple[SpfResult, int]:
    table = TableResolver({"evil.example": {"TXT": [record]}, **more})
    started = time.process_time()
    result = drive(
        check_host(ASK, ip_address("203.0.113.1"), "evil.example", "l" * 60000 + "@x.example", "h"),
        table,
    )
    assert time.process_time() - started < 0.5
    return result, len(table.asked)


@pytest.mark.parametrize(
    "record",
    [
        b"v=spf1 " + b"ip4:192.0.2.1 " * 4000,
        b"v=spf1 " + b"exists:%{l}.example " * 700,
        b"v=spf1 exists:" + b"%{l}" * 400 + b".example",
        b"v=spf1 exists:%{l999999999999999999999r}.example",
        b"v=spf1 a:" + b"-" * 10000 + b".example",
        b"v=spf1 a:" + b"a-" * 5000,
        b"v=spf1 exists:" + b"%{" * 3000,
        b"v=spf1 " + b"x=" + b"%{d}" * 3000,
        b"v=spf1 ip6:" + b":" * 10000,
        b"v=spf1 ip4:1.2.3.4/" + b"9" * 5000,
        b"v=spf1" + b" " * 16000,
        b"v=spf1 \0 \xff",
    ],
    ids=range(12),
)
def test_hostile_records_end_quickly(drive: Drive, record: bytes) -> None:
    _, asked = _hostile(record, drive)
    assert asked <= 12


def test_huge_record_is_permerror(drive: Drive) -> None:
    result, _ = _hostile(b"v=spf1 " + b"ip4:192.0.2.1 " * 4000, drive)
    assert result.result is SpfCode.PERMERROR
    assert "octets" in result.problem


def test_many_hosts_are_bounded(drive: Drive) -> None:
    hosts: list[Any] = [(i, f"mx{i}.example") for i in range(500)]
    result, asked = _hostile(
        b"v=spf1 mx:many.example -all", drive, **{"many.example": {"MX": hosts}}
    )
    assert (result.result, asked) == (SpfCode.PERMERROR, 2)
    names: list[Any] = [f"n{i}.example" for i in range(5000)]
    result, asked = _hostile(
        b"v=spf1 ptr -all", drive, **{"1.113.0.203.in-addr.arpa": {"PTR": names}}
    )
    assert (result.result, asked) == (SpfCode.FAIL, 12)


def test_explanation_is_bounded_and_one_line(drive: Drive) -> None:
    table = TableResolver(
        {
            "exp.example": {"TXT": [b"v=spf1 -all exp=why.exp.example"]},
            "why.exp.example": {"TXT": [b"%{s} " * 400]},
            "crlf.example": {"TXT": [b"v=spf1 -all exp=bad.example"]},
            "bad.example": {"TXT": [b"go away\r\n250 OK"]},
        }
    )
    ip = ip_address("203.0.113.1")
    long = drive(check_host(ASK, ip, "exp.example", "l" * 9000 + "@exp.example", "h"), table)
    assert long.result is SpfCode.FAIL
    assert len(long.explanation) == 1024
    split = drive(check_host(ASK, ip, "crlf.example", "x@crlf.example", "h"), table)
    assert (split.result, split.explanation) == (SpfCode.FAIL, "")


@given(st.text(max_size=80))
def test_arbitrary_records_never_raise_anything_else(text: str) -> None:
    with contextlib.suppress(SpfSyntaxError):
        record = parse_record(b"v=spf1 " + text.encode("utf-8", "surrogatepass"))
        assert len(record.directives) <= len(text.split(" "))


# RFC 7208, section 7.4.
_V4 = MacroValues(
    ip_address("192.0.2.3"),
    "strong-bad",
    "email.example.com",
    "email.example.com",
    "mx.example.org",
    "receiver.example",
    1_795_219_200,
    lambda: "unknown",
)
_V6 = MacroValues(
    ip_address("2001:db8::cb01"), "strong-bad", "email.example.com", "email.example.com",
    "mx.example.org", "receiver.example", 0, lambda: "unknown",
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "text", "expanded"),
    [
        (_V4, "%{s}", "strong-bad@email.example.com"),
        (_V4, "%{o}", "email.example.com"),
        (_V4, "%{d4}", "email.example.com"),
        (_V4, "%{d2}", "example.com"),
        (_V4, "%{d1}", "com"),
        (_V4, "%{dr}", "com.example.email"),
        (_V4, "%{d2r}", "example.email"),
        (_V4, "%{l-}", "strong.bad"),
        (_V4, "%{lr}", "strong-bad"),
        (_V4, "%{lr-}", "bad.strong"),
        (_V4, "%{l1r-}", "strong"),
        (_V4, "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        (
            _V4,
            "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
            "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
        ),
        (_V4, "%%%_%-", "% %20"),
        (_V4, "%{S}", "strong-bad%40email.example.com"),
        (
            _V6,
            "%{ir}.%{v}._spf.%{d2}",
            "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com",
        ),
    ],
)
def test_macros_of_the_rfc(values: MacroValues, text: str, expanded: str) -> None:
    assert expand(parse_macro_string(text), values) == expanded
