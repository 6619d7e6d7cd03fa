"""Subject, date, Message-ID, trace fields, mail programs and single headers."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from filter_engine.scan.verdict import Finding

Scan = Callable[..., dict[str, list[Finding]]]
NOW = 1_800_000_000.0
OUTLOOK = "Microsoft Outlook Express 6.00.2800"
TLS = "from a.example (a.example [192.0.2.1]) by b.example with ESMTPS"
PLAIN = "from c.example (c.example [192.0.2.2]) by a.example with ESMTP"


@pytest.mark.parametrize(
    ("check", "headers", "envelope", "expected"),
    [
        ("subject", {"Subject": None}, {}, {"MISSING_SUBJECT"}),
        ("subject", {"Subject": ""}, {}, {"EMPTY_SUBJECT"}),
        ("subject", {"Subject": "BUY NOW!"}, {}, {"SUBJ_ALL_CAPS", "SUBJECT_ENDS_EXCLAIM"}),
        ("subject", {"Subject": "Buy! now"}, {}, {"SUBJECT_HAS_EXCLAIM"}),
        ("subject", {"Subject": "Why?"}, {}, {"SUBJECT_ENDS_QUESTION"}),
        ("subject", {"Subject": "Why? So."}, {}, {"SUBJECT_HAS_QUESTION"}),
        ("subject", {"Subject": "Only 5 \u20ac"}, {}, {"SUBJECT_HAS_CURRENCY"}),
        ("subject", {"Subject": "Lunch  "}, {}, {"SUBJECT_ENDS_SPACES"}),
        ("subject", {"Subject": "Re: Lunch"}, {}, {"FAKE_REPLY"}),
        ("subject", {"Subject": "Re: Lunch", "References": "<1@x>"}, {}, set()),
        ("subject", {"Subject": "12345"}, {}, set()),
        ("subject", {"Subject": "word" * 51}, {}, {"LONG_SUBJ"}),
        ("date", {}, {}, set()),
        ("date", {"Date": None}, {}, {"MISSING_DATE"}),
        ("date", {"Date": "yesterday"}, {}, {"INVALID_DATE"}),
        ("date", {"Date": formatdate(NOW - 86_500)}, {}, {"DATE_IN_PAST"}),
        ("date", {"Date": formatdate(NOW - 86_300)}, {}, set()),
        ("date", {"Date": formatdate(NOW + 7_300)}, {}, {"DATE_IN_FUTURE"}),
        ("date", {"Date": formatdate(NOW + 7_100)}, {}, set()),
        ("mid", {}, {}, {"MID_RHS_MATCH_FROM"}),
        ("mid", {"Message-ID": None}, {}, {"MISSING_MID"}),
        ("mid", {"Message-ID": "<a@b c.example>"}, {}, {"INVALID_MSGID"}),
        ("mid", {"Message-ID": "<a@192.0.2.1>"}, {}, {"MID_BARE_IP"}),
        ("mid", {"Message-ID": "<a@[192.0.2.1]>"}, {}, {"MID_RHS_IP_LITERAL"}),
        ("mid", {"Message-ID": "<a@host>"}, {}, {"MID_RHS_NOT_FQDN"}),
        ("mid", {"Message-ID": "a@b.example"}, {}, {"MID_MISSING_BRACKETS"}),
        ("mid", {"Message-ID": "<a@www.b.example>"}, {}, {"MID_RHS_WWW"}),
        ("mid", {"Message-ID": "<bob@example.com.1@b.example>"}, {}, {"MID_CONTAINS_FROM"}),
        ("mid", {"Message-ID": "<a@mail.example.com>"}, {}, {"MID_RHS_MATCH_FROMTLD"}),
        ("mid", {"Message-ID": "<a@example.net>"}, {}, {"MID_RHS_MATCH_TO"}),
        ("mid", {"Message-ID": "<alice@example.net>"}, {}, {"MID_CONTAINS_TO"}),
        ("mid", {"Message-ID": "<a@b.example> (added by x y)"}, {}, set()),
        ("check_rcvd", {}, {}, set()),
        ("check_rcvd", {"Received": TLS}, {}, {"RCVD_TLS_ALL"}),
        ("check_rcvd", {"Received": [TLS, PLAIN]}, {}, {"RCVD_TLS_LAST"}),
        ("check_rcvd", {"Received": [PLAIN, TLS]}, {"ip": "192.0.2.2"}, {"RCVD_NO_TLS_LAST"}),
        (
            "check_rcvd",
            {"Received": PLAIN},
            {"tls_cipher": "x", "mta_name": "mx.example.net"},
            {"RCVD_TLS_LAST"},
        ),
        (
            "check_rcvd",
            {"Received": TLS.replace("ESMTPS", "ESMTPSA")},
            {},
            {"RCVD_TLS_ALL", "RCVD_VIA_SMTP_AUTH"},
        ),
        (
            "received_headers",
            {"Received": "from a ([192.0.2.1]) by b for <Alice@example.net>; x"},
            {},
            {"PREVIOUSLY_DELIVERED"},
        ),
        ("received_headers", {}, {"helo": "User"}, {"RCVD_HELO_USER"}),
        ("received_headers", {"Received": "from User (x) by b"}, {}, {"RCVD_HELO_USER"}),
        ("received_headers", {"Received": "from \u00e4 by b"}, {}, {"RCVD_ILLEGAL_CHARS"}),
        (
            "header_presence",
            {"List-Unsubscribe": "x", "Organisation": "x", "X-Originating-IP": "x"},
            {},
            {"HAS_LIST_UNSUB", "HAS_ORG_HEADER", "HAS_XOIP"},
        ),
        ("header_presence", {"Precedence": "bulk"}, {}, {"PRECEDENCE_BULK"}),
        ("header_presence", {"X-Spam": "Yes"}, {}, {"SPAM_FLAG"}),
        ("header_presence", {"X-Spam": "No"}, {}, set()),
        ("header_presence", {"X-mailer": "x"}, {}, {"XM_CASE"}),
        ("header_presence", {"Subject": ["a", "b"]}, {}, {"MULTIPLE_UNIQUE_HEADERS"}),
        ("header_presence", {"Received": ["a", "b"]}, {}, set()),
        ("header_encoding", {"Subject": "gr\u00fcn"}, {}, {"SUBJECT_NEEDS_ENCODING"}),
        ("header_encoding", {"From": "J\u00f6rg <j@x.example>"}, {}, {"FROM_NEEDS_ENCODING"}),
        ("header_encoding", {"To": "J\u00f6rg <j@x.example>"}, {}, {"TO_NEEDS_ENCODING"}),
        ("header_encoding", {"Subject": "=?utf-8?b?YWJj?="}, {}, {"SUBJ_EXCESS_BASE64"}),
        ("header_encoding", {"From": "=?utf-8?q?abc?= <a@b.c>"}, {}, {"FROM_EXCESS_QP"}),
        ("header_encoding", {"Subject": "=?utf-8?q?gr=C3=BCn?="}, {}, set()),
        ("header_encoding", {"Cc": "=?utf-8?q?abc?= <a@b.c>"}, {}, {"CC_EXCESS_QP"}),
        (
            "read_confirmation",
            {"Disposition-Notification-To": "x@other.example"},
            {},
            {"HEADER_FORGED_MDN"},
        ),
        ("read_confirmation", {"Disposition-Notification-To": "Bob <bob@example.com>"}, {}, set()),
        (
            "read_confirmation",
            {"X-Confirm-Reading-To": "x@other.example"},
            {},
            {"HEADER_RCONFIRM_MISMATCH"},
        ),
        (
            "read_confirmation",
            {"From": "info@a.example", "To": "info@b.example", "List-Unsubscribe": "x"},
            {},
            {"INFO_TO_INFO_LU"},
        ),
        ("forged_mua", {"X-Mailer": OUTLOOK}, {}, {"FORGED_MUA_OUTLOOK"}),
        (
            "forged_mua",
            {"X-Mailer": OUTLOOK, "Message-ID": "<000901c1f0a2$1b3d5f70$0100a8c0@box.example>"},
            {},
            set(),
        ),
        (
            "forged_mua",
            {"X-Mailer": OUTLOOK, "List-Unsubscribe": "<mailto:leave-x@y.example>"},
            {},
            set(),
        ),
        (
            "forged_mua",
            {"User-Agent": "Mozilla Thunderbird 1.0 (X11)"},
            {},
            {"FORGED_MUA_THUNDERBIRD_MSGID_UNKNOWN"},
        ),
        (
            "forged_mua",
            {"User-Agent": "Thunderbird", "Message-ID": "<12345678.1234567@a.example>"},
            {},
            {"FORGED_MUA_THUNDERBIRD_MSGID"},
        ),
        (
            "forged_mua",
            {
                "User-Agent": "Mozilla Thunderbird",
                "Message-ID": "<0a1b2c3d-0000-1111-2222-0123456789ab@a.example>",
            },
            {},
            set(),
        ),
        ("forged_mua", {"User-Agent": "KMail/1.9.1"}, {}, {"FORGED_MUA_KMAIL_MSGID_UNKNOWN"}),
        ("forged_mua", {"User-Agent": "Opera Mail/10.10 (Win)"}, {}, {"FORGED_MUA_OPERA_MSGID"}),
        (
            "forged_mua",
            {"X-Mailer": "The Bat! (v3.0)", "Message-ID": "<1.2@a.example>"},
            {},
            {"FORGED_MUA_THEBAT_MSGID"},
        ),
        ("mailer", {"X-Mailer": OUTLOOK}, {}, {"OLD_X_MAILER"}),
        ("mailer", {"X-Mailer": "Thunderbird 2.0"}, {}, {"FORGED_X_MAILER"}),
        ("mailer", {"X-Mailer": "iPhone Mail (20E252)"}, {}, set()),
        ("mailer", {"X-Mailer": "Internet Mail Service (5.5.2650.21)"}, {}, {"FORGED_IMS"}),
        ("mailer", {"X-Mailer": "Mailer"}, {}, {"XM_UA_NO_VERSION"}),
        ("mailer", {"Message-ID": "<abcd$1234$5678@a.example>"}, {}, {"RATWARE_MS_HASH"}),
        ("mailer", {"X-MSMail-Priority": "High"}, {}, {"MISSING_MIMEOLE"}),
        (
            "mailer",
            {"X-Mailer": "Microsoft Outlook 16.0", "Content-Type": "text/html"},
            {},
            {"FORGED_OUTLOOK_HTML", "FORGED_OUTLOOK_TAGS"},
        ),
    ],
)
def test_symbols(
    scan: Scan,
    check: str,
    headers: dict[str, Any],
    envelope: dict[str, Any],
    expected: set[str],
) -> None:
    assert set(scan(check, headers, **envelope)) == expected


@pytest.mark.parametrize(
    ("value", "symbol"),
    [
        ("1 (Highest)", "HAS_X_PRIO_ONE"),
        ("0", "HAS_X_PRIO_ZERO"),
        ("2", "HAS_X_PRIO_TWO"),
        ("4", "HAS_X_PRIO_THREE"),
        ("9", "HAS_X_PRIO_FIVE"),
        ("high", None),
    ],
)
def test_priority(scan: Scan, value: str, symbol: str | None) -> None:
    found = scan("has_x_prio", {"X-Priority": value})
    assert set(found) == ({symbol} if symbol else set())


@pytest.mark.parametrize(
    ("number", "symbol"),
    [
        (0, "ZERO"),
        (1, "TWO"),
        (2, "THREE"),
        (4, "FIVE"),
        (6, "SEVEN"),
        (11, "TWELVE"),
        (40, "TWELVE"),
    ],
)
def test_hops_include_the_connection(scan: Scan, number: int, symbol: str) -> None:
    found = scan("check_received", {"Received": ["from a ([192.0.2.9]) by b"] * number})
    assert set(found) == {f"RCVD_COUNT_{symbol}"}
    assert found[f"RCVD_COUNT_{symbol}"][0].options == (str(number + 1 if number else 0),)


def test_weights(scan: Scan) -> None:
    assert scan("subject", {"Subject": "SHOUTING !"})["SUBJ_ALL_CAPS"][0].weight == 0.25
    assert scan("subject", {"Subject": "RE: " + "X" * 60})["SUBJ_ALL_CAPS"][0].weight == 1.0
    repeated = scan("header_presence", {"Date": ["a", "b"], "To": ["a", "b"]})
    (finding,) = repeated["MULTIPLE_UNIQUE_HEADERS"]
    assert (finding.options, finding.weight) == (("Date,To",), 0.2)


def test_age_in_hours(scan: Scan) -> None:
    found = scan("date", {"Date": formatdate(NOW - 100 * 3600)})
    assert found["DATE_IN_PAST"][0].options == ("100",)
