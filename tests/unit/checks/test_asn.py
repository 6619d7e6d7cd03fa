"""The client's network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.checks.asn import AsnOptions, AsnResult, read_origin

from .conftest import Scan

_NAME = "66.113.0.203.asn.rspamd.com"


def test_number_prefix_and_country(scan: Scan) -> None:
    dns = {_NAME: {"TXT": (b"64500|203.0.113.0/24|US|ripencc|",)}}
    found = scan("asn", ip="203.0.113.66", dns=dns)
    (finding,) = found["ASN"]
    assert finding.options == ("asn:64500, ipnet:203.0.113.0/24, country:US",)
    assert finding.evidence == f"{_NAME} TXT: 64500|203.0.113.0/24|US|ripencc|"


def test_another_provider_and_symbol(scan: Scan) -> None:
    options = AsnOptions(provider_info={"ip4": "origin.example."}, symbol="NET")
    dns = {"66.113.0.203.origin.example": {"TXT": (b"64500 | 203.0.113.0/24 | DE",)}}
    assert list(scan("asn", ip="203.0.113.66", dns=dns, options=options)) == ["NET"]
    silent = AsnOptions(provider_info={"ip4": "origin.example."}, symbol="")
    assert scan("asn", ip="203.0.113.66", dns=dns, options=silent) == {}


def test_a_failure_and_no_answer(scan: Scan) -> None:
    options = AsnOptions(provider_info={"ip4": "broken.example"})
    assert scan("asn", ip="203.0.113.66", options=options) == {}
    dns = {_NAME: {"CNAME": ("broken.example",)}}
    (finding,) = scan("asn", ip="203.0.113.66", dns=dns)["ASN_FAIL"]
    assert finding.options == (f"{_NAME}:no answer",)


def test_not_for_the_sites_own_clients(scan: Scan) -> None:
    dns = {_NAME: {"TXT": (b"64500|203.0.113.0/24|US",)}}
    assert scan("asn", ip="203.0.113.66", dns=dns, local=True) == {}
    shown = AsnOptions(check_local=True)
    assert "ASN" in scan("asn", ip="203.0.113.66", dns=dns, local=True, options=shown)
    assert scan("asn", ip=None, dns=dns) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15169 | 192.0.2.0/24 | US | arin |", AsnResult("15169", "192.0.2.0/24", "US")),
        ("15169 15170 | 192.0.2.0/24 | US", AsnResult("15169", "192.0.2.0/24", "US")),
        ("AS15169|192.0.2.0/24", AsnResult("", "192.0.2.0/24", "")),
        ("", AsnResult()),
    ],
)
def test_answers(text: str, expected: AsnResult) -> None:
    assert read_origin(text) == expected


@given(st.text(max_size=500))
def test_any_answer_is_read(text: str) -> None:
    result = read_origin(text)
    assert not result.asn or result.asn.isdecimal()
    assert len(result.country) <= 64
