"""DMARC: records, where they are found, alignment, policy and sampling."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.dmarc import discover, judge
from filter_engine.auth.dmarc_record import DmarcSyntaxError, is_record, parse_record
from filter_engine.auth.results import (
    DkimCode,
    DkimResult,
    DkimSignatureResult,
    DmarcCode,
    DmarcPolicy,
    DmarcResult,
    SpfCode,
    SpfResult,
)
from filter_engine.dns.table import TableResolver
from filter_engine.scan.question import ASK

Drive = Callable[..., Any]
REJECT, QUARANTINE, NOTHING = DmarcPolicy.REJECT, DmarcPolicy.QUARANTINE, DmarcPolicy.NONE

RECORDS: dict[str, list[bytes]] = {
    "example.com": [b"v=DMARC1; p=reject; sp=none"],
    "own.example.com": [b"v=DMARC1; p=quarantine"],
    "strict.example": [b"v=DMARC1; p=reject; adkim=s; aspf=s"],
    "half.example": [b"v=DMARC1; p=reject; pct=50"],
    "zero.example": [b"v=DMARC1; p=quarantine; pct=0"],
    "two.example": [b"v=DMARC1; p=none", b"v=DMARC1; p=reject"],
    "noise.example": [b"v=spf1 -all", b"v=DMARC1; p=none"],
    "garbage.example": [b"v=DMARC2; p=none", b"hello"],
    "bogus.example": [b"v=DMARC1; p=bogus"],
    "sub.bogus.example": [b"v=DMARC1; p=none"],
}


def evaluate(
    drive: Drive,
    domain: str,
    spf: SpfResult | None = None,
    dkim: DkimResult | None = None,
    coin: int = 0,
    failing: tuple[str, ...] = (),
) -> DmarcResult:
    table = TableResolver(
        {f"_dmarc.{name}": {"TXT": records} for name, records in RECORDS.items()},
        failing=[f"_dmarc.{name}" for name in failing],
    )
    return judge(drive(discover(ASK, domain), table), domain, spf, dkim, coin)


def spf(domain: str, result: SpfCode = SpfCode.PASS) -> SpfResult:
    return SpfResult(result, domain=domain)


def dkim(*signatures: tuple[str, DkimCode]) -> DkimResult:
    return DkimResult(tuple(DkimSignatureResult(code, domain) for domain, code in signatures))


@pytest.mark.parametrize(
    ("domain", "code", "where", "policy"),
    [
        ("example.com", DmarcCode.FAIL, "example.com", REJECT),
        ("EXAMPLE.com", DmarcCode.FAIL, "example.com", REJECT),
        ("a.b.example.com", DmarcCode.FAIL, "example.com", NOTHING),
        ("own.example.com", DmarcCode.FAIL, "own.example.com", QUARANTINE),
        ("noise.example", DmarcCode.FAIL, "noise.example", NOTHING),
        ("nobody.example", DmarcCode.NONE, "nobody.example", None),
        ("garbage.example", DmarcCode.NONE, "garbage.example", None),
        ("two.example", DmarcCode.PERMERROR, "two.example", None),
        ("bogus.example", DmarcCode.PERMERROR, "bogus.example", None),
        ("sub.bogus.example", DmarcCode.FAIL, "sub.bogus.example", NOTHING),
        ("localhost", DmarcCode.NONE, "localhost", None),
        ("a..b", DmarcCode.NONE, "a..b", None),
        ("x" * 64 + ".example", DmarcCode.NONE, "x" * 64 + ".example", None),
    ],
)
def test_discovery(
    drive: Drive, domain: str, code: DmarcCode, where: str, policy: DmarcPolicy | None
) -> None:
    result = evaluate(drive, domain)
    assert (result.result, result.record_domain, result.policy) == (code, where, policy)


def test_unknown_record_is_temperror(drive: Drive) -> None:
    assert evaluate(drive, "example.com", failing=("example.com",)).result is DmarcCode.TEMPERROR
    # The organisation's record must not stand in for one that could not be read.
    below = evaluate(drive, "own.example.com", failing=("own.example.com",))
    assert below.result is DmarcCode.TEMPERROR
    above = evaluate(drive, "own.example.com", failing=("example.com",))
    assert above.record_domain == "own.example.com"


@pytest.mark.parametrize(
    ("domain", "by_spf", "by_dkim", "code", "reason"),
    [
        ("example.com", spf("bounce.example.com"), None, DmarcCode.PASS, ""),
        ("example.com", None, dkim(("mail.example.com", DkimCode.PASS)), DmarcCode.PASS, ""),
        ("strict.example", spf("strict.example"), None, DmarcCode.PASS, ""),
        (
            "strict.example",
            spf("a.strict.example"),
            dkim(("a.strict.example", DkimCode.PASS)),
            DmarcCode.FAIL,
            "SPF not aligned (strict), DKIM not aligned (strict)",
        ),
        (
            "example.com",
            spf("example.net"),
            dkim(("example.net", DkimCode.PASS)),
            DmarcCode.FAIL,
            "SPF not aligned (relaxed), DKIM not aligned (relaxed)",
        ),
        ("example.com", None, None, DmarcCode.FAIL, "No valid SPF, No valid DKIM"),
        (
            "example.com",
            spf("example.com", SpfCode.SOFTFAIL),
            dkim(("example.com", DkimCode.FAIL)),
            DmarcCode.FAIL,
            "No valid SPF",
        ),
        (
            "example.com",
            spf("example.com", SpfCode.TEMPERROR),
            None,
            DmarcCode.TEMPERROR,
            "SPF/DKIM temp error",
        ),
        (
            "example.com",
            None,
            dkim(("example.com", DkimCode.TEMPERROR)),
            DmarcCode.TEMPERROR,
            "SPF/DKIM temp error",
        ),
        (
            "example.com",
            spf("other.example", SpfCode.TEMPERROR),
            dkim(("other.example", DkimCode.TEMPERROR)),
            DmarcCode.FAIL,
            "No valid SPF",
        ),
        (
            "example.com",
            spf("example.com", SpfCode.TEMPERROR),
            dkim(("example.com", DkimCode.PASS)),
            DmarcCode.PASS,
            "",
        ),
        (
            "example.com",
            None,
            dkim(("example.com", DkimCode.POLICY), ("example.com", DkimCode.PERMERROR)),
            DmarcCode.FAIL,
            "No valid SPF",
        ),
    ],
)
def test_alignment(
    drive: Drive,
    domain: str,
    by_spf: SpfResult | None,
    by_dkim: DkimResult | None,
    code: DmarcCode,
    reason: str,
) -> None:
    result = evaluate(drive, domain, by_spf, by_dkim)
    assert (result.result, result.reason) == (code, reason)


@pytest.mark.parametrize(
    ("domain", "coin", "disposition", "spared"),
    [
        ("half.example", 49, REJECT, False),
        ("half.example", 50, QUARANTINE, True),
        ("zero.example", 0, NOTHING, True),
        ("example.com", 99, REJECT, False),
        ("noise.example", 99, NOTHING, False),
    ],
)
def test_sampling(
    drive: Drive, domain: str, coin: int, disposition: DmarcPolicy, spared: bool
) -> None:
    result = evaluate(drive, domain, coin=coin)
    assert (result.disposition, result.sampled_out) == (disposition, spared)


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        (b"v=DMARC1; p=none", True),
        (b"v=DMARC1", True),
        (b" V = DMARC1 ;p=none", True),
        (b"v=DMARC1x; p=none", False),
        (b"v=dmarc1; p=none", False),
        (b"p=none; v=DMARC1", False),
        (b"", False),
    ],
)
def test_what_is_a_record(text: bytes, yes: bool) -> None:
    assert is_record(text) is yes


def test_a_full_record() -> None:
    record = parse_record(
        b"v=DMARC1; p=REJECT; sp=quarantine; adkim=s; aspf=R; pct=20; x=y; fo=1; "
        b"rua=mailto:a@example.com!10m, mailto:b@example.net; ruf=mailto:c@example.com;"
    )
    assert (record.policy, record.subdomain_policy, record.percent) == (REJECT, QUARANTINE, 20)
    assert (record.strict_dkim, record.strict_spf) == (True, False)
    assert record.aggregate == ("mailto:a@example.com!10m", "mailto:b@example.net")
    assert record.failure == ("mailto:c@example.com",)


@pytest.mark.parametrize(
    "percent", [b"", b"101", b"-1", b"1e1", b"9" * 5000, b"00019999", "٣".encode()]
)
def test_wrong_percentages_count_as_absent(percent: bytes) -> None:
    assert parse_record(b"v=DMARC1; p=none; pct=" + percent).percent == 100


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        (b"p=bogus", "p tag has invalid value: bogus"),
        (b"p=none; sp=", "sp tag has invalid value: "),
        (b"p=none; adkim=x", "adkim tag has invalid value: x"),
        (b"p=none; aspf=x", "aspf tag has invalid value: x"),
        (b"p=none; n=" + b"x" * 9000, "octets"),
    ],
)
def test_wrong_records(tags: bytes, problem: str) -> None:
    with pytest.raises(DmarcSyntaxError, match=problem):
        parse_record(b"v=DMARC1; " + tags)


@given(st.binary(max_size=100))
def test_arbitrary_records_never_raise_anything_else(tags: bytes) -> None:
    with contextlib.suppress(DmarcSyntaxError):
        assert 0 <= parse_record(b"v=DMARC1; " + tags).percent <= 100
