"""Trace fields of Postfix, Exim, Sendmail, qmail and others."""

from __future__ import annotations

import pytest

from filter_engine.message.received import Received, parse_received


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "from mail.example.com (mx.example.com [192.0.2.1]) by mx.example.net (Postfix) "
            "with ESMTPS id ABC for <alice@example.net>; Wed, 1 May 2024 13:14:15 +0000",
            Received(
                from_hostname="mail.example.com",
                real_hostname="mx.example.com",
                from_ip="192.0.2.1",
                by_hostname="mx.example.net",
                for_="<alice@example.net>",
                proto="esmtps",
                date="Wed, 1 May 2024 13:14:15 +0000",
                ssl=True,
            ),
        ),
        (
            "from mail.example.com (unknown [IPv6:2001:db8::1]) (using TLSv1.3) by mx.example.net "
            "with ESMTPSA id A",
            Received(
                from_hostname="mail.example.com",
                from_ip="2001:db8::1",
                by_hostname="mx.example.net",
                proto="esmtpsa",
                ssl=True,
                authenticated=True,
            ),
        ),
        (
            "from localhost ([127.0.0.1]:49019 helo=hummus.example) by hummus.example with esmtp "
            "(Exim 4.91) id 1fZ55o-0006DP-3H for a@example.com; Sat, 30 Jun 2018 02:54:28 +0100",
            Received(
                from_hostname="localhost",
                from_ip="127.0.0.1",
                by_hostname="hummus.example",
                for_="a@example.com",
                proto="esmtp",
                date="Sat, 30 Jun 2018 02:54:28 +0100",
            ),
        ),
        (
            "from [192.0.2.7] (helo=box) by a.example with smtp id 1",
            Received(
                from_hostname="192.0.2.7",
                from_ip="192.0.2.7",
                by_hostname="a.example",
                proto="smtp",
            ),
        ),
        (
            "by a.example (Postfix, from userid 1000) id B6; Wed, 1 May 2024 13:14:15 +0000",
            Received(by_hostname="a.example", date="Wed, 1 May 2024 13:14:15 +0000"),
        ),
        (
            "(from root@localhost) by pbx.example.com (8.14.7/8.14.7/Submit) id 076Go4wD014562",
            Received(by_hostname="pbx.example.com"),
        ),
        (
            "from name.example by other.example with HTTP",
            Received(
                from_hostname="name.example",
                real_hostname="name.example",
                by_hostname="other.example",
                proto="http",
            ),
        ),
        ("(qmail 1234 invoked by uid 501); 1 May 2024 13:14:15 -0000", None),
        ("", None),
        ("nonsense ; ) ( from", None),
    ],
)
def test_fields(value: str, expected: Received | None) -> None:
    assert parse_received(value) == expected


def test_timestamp() -> None:
    assert Received(date="Thu, 1 Jan 1970 01:00:00 +0000").timestamp == 3600.0
    assert Received(date="some day").timestamp is None
    assert Received().timestamp is None


def test_control_characters_are_left_out() -> None:
    hop = parse_received("from a\0b.example ([192.0.2.1]) by c.example")
    assert hop is not None
    assert hop.from_hostname == "ab.example"


@pytest.mark.parametrize("source", ["a.example", "[192.0.2.1]", "a [192.0.2.1]", "by"])
@pytest.mark.parametrize(
    "comment", ["", " (b.example [192.0.2.2])", " ([192.0.2.2]) (tls; x)", "()"]
)
@pytest.mark.parametrize(
    "rest", ["", " with esmtps", " (x) with ESMTPA (y) id 1", " id 2 for <a@b.c>"]
)
@pytest.mark.parametrize("end", ["", "; Wed, 1 May 2024 13:14:15 +0000", " ;x;y"])
def test_the_usual_order_is_read_as_any_other(
    source: str, comment: str, rest: str, end: str
) -> None:
    text = f"from {source}{comment} by c.example{rest}"
    # A comment inside another is read the general way.
    assert parse_received(text + end) == parse_received(f"{text} (x (y)){end}")
