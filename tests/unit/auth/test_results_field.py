"""Authentication-Results of others: read as RFC 8601 says, and never more than is there."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.results_field import (
    MethodResult,
    ResultsFieldError,
    parse_arc_results_field,
    parse_results_field,
)


def test_rfc_8601_appendix_b_examples() -> None:
    found = parse_results_field(
        " example.com;\r\n\tauth=pass (cleartext) smtp.auth=sender@example.net;\r\n"
        "\tspf=pass smtp.mailfrom=example.net"
    )
    assert found.authserv == "example.com"
    assert found.results == (
        MethodResult("auth", "pass", "", (("smtp.auth", "sender@example.net"),)),
        MethodResult("spf", "pass", "", (("smtp.mailfrom", "example.net"),)),
    )
    comments = parse_results_field(
        "foo.example.net (foobar) 1 (baz); dkim/1 (One yay) = (wait for it) fail "
        "policy.expired (x) = (as I wasn't) 1362471462"
    )
    assert comments.results[0].method == "dkim"
    assert comments.results[0].property("policy.expired") == "1362471462"
    assert parse_results_field("example.org 1; none").results == ()


def test_values_of_every_form() -> None:
    found = parse_results_field(
        'mx; dmarc=fail reason="SPF not; aligned (relaxed)" header.from=x.y (policy=none);'
        ' dkim=pass header.b="aV=" header.i=@x.y'
    )
    dmarc, dkim = found.results
    assert (dmarc.reason, dmarc.property("header.from")) == ("SPF not; aligned (relaxed)", "x.y")
    assert dkim.property("header.b") == "aV="
    assert (found.result("dmarc"), found.result("arc")) == ("fail", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "= x",
        "mx; spf",
        "mx; spf=",
        "mx; =pass",
        'mx; spf="',
        "mx (",
        "mx; a=b;" * 200,
        "x" * 20000,
    ],
)
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(ResultsFieldError):
        parse_results_field(text)


def test_the_instance_of_arc_comes_first() -> None:
    assert parse_arc_results_field(" i = 2 ; mx; dmarc=pass").result("dmarc") == "pass"
    for text in ("mx; dmarc=pass", "i=1", "x=1; mx; spf=pass"):
        with pytest.raises(ResultsFieldError):
            parse_arc_results_field(text)


@given(st.text(alphabet='ab.=;"\\() \r\n\té', max_size=60))
def test_nothing_else_is_raised(text: str) -> None:
    with contextlib.suppress(ResultsFieldError):
        parse_results_field(text)


@pytest.mark.parametrize("unit", ["(", "(a)", '"', "a=b ", ";", "\\(", "a" * 9 + "="])
def test_time_grows_with_length_only(unit: str) -> None:
    began = time.process_time()
    for _ in range(5):
        with contextlib.suppress(ResultsFieldError):
            parse_results_field("mx; spf=pass " + unit * (16_000 // len(unit)))
    assert time.process_time() - began < 2.0
