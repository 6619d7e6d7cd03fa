"""From, To, Reply-To and the envelope: form, alignment, forgery, forwarding, lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.checks.addresses import without_tags
from filter_engine.message.address import parse_mailbox
from filter_engine.scan.verdict import Finding

Scan = Callable[..., dict[str, list[Finding]]]
LIST = {
    "List-Id": "<l.example.com>",
    "Precedence": "list",
    "List-Help": "<mailto:l-request@example.com>",
    "List-Subscribe": "<mailto:l-request@example.com>",
    "List-Unsubscribe": "<mailto:l-request@example.com>",
}


@pytest.mark.parametrize(
    ("address", "bare", "tags"),
    [
        ("bob+tag@example.com", "bob@example.com", ("tag",)),
        ("bob+a+b@example.com", "bob@example.com", ("a", "b")),
        ("bob@example.com", "bob@example.com", None),
        ("+tag@example.com", "+tag@example.com", None),
        ("b.o.b+x@gmail.com", "bob@gmail.com", ("x",)),
        ("b.ob@gmail.com", "bob@gmail.com", ()),
        ("bob@googlemail.com", "bob@gmail.com", None),
    ],
)
def test_tags(address: str, bare: str, tags: tuple[str, ...] | None) -> None:
    found, removed = without_tags(parse_mailbox(address.encode()))
    assert found.email == bare
    assert found.spelled == bare
    assert removed == tags


@pytest.mark.parametrize(
    ("check", "headers", "envelope", "expected"),
    [
        ("check_from", {"From": "bob@example.com"}, {}, {"FROM_NO_DN", "FROM_EQ_ENVFROM"}),
        ("check_from", {}, {}, {"FROM_HAS_DN", "FROM_EQ_ENVFROM"}),
        ("check_from", {"From": "Bob <BOB@example.com>"}, {}, {"FROM_HAS_DN", "FROM_EQ_ENVFROM"}),
        (
            "check_from",
            {"From": '"bob@example.com" <bob@example.com>'},
            {},
            {"FROM_DN_EQ_ADDR", "FROM_EQ_ENVFROM"},
        ),
        (
            "check_from",
            {"From": '"Mr. Bob  B" <bob@example.com>'},
            {},
            {"FROM_HAS_DN", "FROM_NAME_HAS_TITLE", "FROM_NAME_EXCESS_SPACE", "FROM_EQ_ENVFROM"},
        ),
        (
            "check_from",
            {"From": "Bob <bob @ example.com>"},
            {"mail_from": "not valid"},
            {"FROM_INVALID", "ENVFROM_INVALID", "FROM_HAS_DN", "FROM_NEQ_ENVFROM"},
        ),
        ("check_from", {}, {"mail_from": ""}, {"FROM_HAS_DN"}),
        ("check_from", {}, {"mail_from": None}, {"FROM_HAS_DN"}),
        (
            "check_from",
            {"To": "<bob@example.com>"},
            {},
            {"FROM_HAS_DN", "FROM_EQ_ENVFROM", "TO_EQ_FROM"},
        ),
        (
            "check_from",
            {"To": "<ann@example.com>"},
            {},
            {"FROM_HAS_DN", "FROM_EQ_ENVFROM", "TO_DOM_EQ_FROM_DOM"},
        ),
        (
            "from_display_name",
            {"From": '"ceo@bank.example" <bob@example.com>'},
            {},
            {"FROM_NEQ_DISPLAY_NAME"},
        ),
        (
            "from_display_name",
            {"From": '"ceo@example.net" <bob@example.com>'},
            {},
            {"SPOOF_DISPLAY_NAME"},
        ),
        ("from_display_name", {"From": '"bob@example.com" <bob@example.com>'}, {}, set()),
        ("from_display_name", {"From": '"me@home" <bob@example.com>'}, {}, set()),
        ("from_header", {"From": None}, {}, {"MISSING_FROM"}),
        ("from_header", {"From": ""}, {}, {"MISSING_FROM"}),
        ("from_header", {"From": "a@b.example, c@d.example"}, {}, {"MULTIPLE_FROM"}),
        ("from_header", {"From": "Bob<bob@example.com>"}, {}, {"R_NO_SPACE_IN_FROM"}),
        ("from_header", {"From": "Bob <b\u00f6b@example.com>"}, {}, {"INVALID_FROM_8BIT"}),
        (
            "email_plus_aliases",
            {},
            {"mail_from": "bob+x@example.com", "rcpt_to": ("alice+y@example.net",)},
            {"TAGGED_FROM", "TAGGED_RCPT"},
        ),
        ("to_header", {"To": None}, {}, {"MISSING_TO"}),
        ("to_header", {"To": "undisclosed-recipients:;"}, {}, {"R_UNDISC_RCPT"}),
        ("to_header", {"To": "Undisclosed Recipient <a@b.example>"}, {}, set()),
        ("to_header", {"To": "A < a@b.example >"}, {}, {"TO_WRAPPED_IN_SPACES"}),
        (
            "to_header",
            {"To": ", ".join(f"{char}@{char * 3}.example" for char in "abcdefgh")},
            {},
            {"SORTED_RECIPS"},
        ),
        (
            "to_header",
            {"To": ", ".join(f"user{n}@example.net" for n in (5, 3, 9, 1, 7, 2, 8))},
            {},
            {"SUSPICIOUS_RECIPS"},
        ),
        ("to_header", {"To": "\u00e4@b.example"}, {}, {"INVALID_RCPT_8BIT"}),
        ("check_replyto", {"Reply-To": ""}, {}, {"REPLYTO_UNPARSEABLE"}),
        (
            "check_replyto",
            {"Reply-To": "Bob <bob@example.com>"},
            {},
            {"HAS_REPLYTO", "REPLYTO_EQ_FROM"},
        ),
        (
            "check_replyto",
            {"Reply-To": "bob@EXAMPLE.com"},
            {},
            {"HAS_REPLYTO", "REPLYTO_ADDR_EQ_FROM"},
        ),
        (
            "check_replyto",
            {"Reply-To": "Bob <ann@example.com>"},
            {},
            {"HAS_REPLYTO", "REPLYTO_DOM_EQ_FROM_DOM", "REPLYTO_DN_EQ_FROM_DN"},
        ),
        (
            "check_replyto",
            {"Reply-To": "x@other.example"},
            {},
            {"HAS_REPLYTO", "REPLYTO_DOM_NEQ_FROM_DOM"},
        ),
        (
            "check_replyto",
            {"Reply-To": "alice@example.net"},
            {},
            {"HAS_REPLYTO", "REPLYTO_EQ_TO_ADDR"},
        ),
        (
            "check_replyto",
            {"Reply-To": "alice@example.net", "Auto-Submitted": "auto-generated"},
            {},
            {"HAS_REPLYTO"},
        ),
        (
            "check_replyto",
            {"From": "Dr. Bob <bob@example.com>", "Reply-To": "drbob@other.example"},
            {},
            {"HAS_REPLYTO", "REPLYTO_EMAIL_HAS_TITLE", "REPLYTO_DOM_NEQ_FROM_DOM"},
        ),
        (
            "spoof_replyto",
            {"From": "ceo@example.net", "Reply-To": "x@other.example"},
            {},
            {"SPOOF_REPLYTO"},
        ),
        ("spoof_replyto", {"Reply-To": "x@other.example"}, {}, set()),
        (
            "reply_to_yahoo",
            {"From": "bob@yahoo.com", "Reply-To": '"Bob" <x@other.example>'},
            {},
            {"REPTO_QUOTE_YAHOO"},
        ),
        (
            "forged_recipients",
            {"To": "someone@else.example"},
            {},
            {"FORGED_RECIPIENTS"},
        ),
        ("forged_recipients", {"To": "alias@example.net"}, {}, set()),
        ("forged_recipients", {"From": "ann@example.com"}, {}, {"FORGED_SENDER"}),
        ("forged_recipients", {"From": "ann@example.com"}, {"mail_from": ""}, set()),
        (
            "forged_recipients",
            {"To": "someone@else.example"},
            {"rcpt_to": ("bob@example.com",)},
            set(),
        ),
        (
            "forwarding",
            {"Received": "from a ([192.0.2.1]) by b for <old@example.org>"},
            {},
            {"FORWARDED"},
        ),
        (
            "forwarding",
            {"Received": "from a ([192.0.2.1]) by b for <alice@example.net>"},
            {},
            set(),
        ),
        (
            "forwarding",
            {},
            {"mail_from": "SRS0=ab=cd=example.net=alice@example.com"},
            {"FWD_SRS"},
        ),
        (
            "forwarding",
            {},
            {"mail_from": "me+caf_=alice=example.net@gmail.com"},
            {"FWD_GOOGLE"},
        ),
        (
            "forwarding",
            {},
            {"mail_from": "bounce-alice=example.net@example.com"},
            {"ENVFROM_VERP"},
        ),
        ("forwarding", {}, {"mail_from": "prvs=0123456789=bob@example.com"}, {"ENVFROM_PRVS"}),
        (
            "forwarding",
            {"X-Yandex-Forward": "1"},
            {"hostname": "f1.mail.yandex.net"},
            {"FWD_YANDEX"},
        ),
        ("forwarding", {"X-MailRu-Forward": "1"}, {"hostname": "f1.mail.ru"}, {"FWD_MAILRU"}),
        ("maillist", {}, {}, set()),
        ("maillist", {"Precedence": "bulk", "X-Loop": "x"}, {}, set()),
        ("maillist", LIST, {}, {"MAILLIST"}),
        ("service_accounts", {}, {"mail_from": "www-data@example.com"}, {"ENVFROM_SERVICE_ACCT"}),
        ("service_accounts", {"Sender": "apache@example.com"}, {}, {"FROM_SERVICE_ACCT"}),
        (
            "service_accounts",
            {"X-Authentication-Warning": "h: www-data set sender to x using -f"},
            {},
            {"XAW_SERVICE_ACCT"},
        ),
        ("service_accounts", {"From": "bob@www.example.com"}, {}, {"WWW_DOT_DOMAIN"}),
    ],
)
def test_symbols(
    scan: Scan,
    check: str,
    headers: dict[str, str],
    envelope: dict[str, Any],
    expected: set[str],
) -> None:
    assert set(scan(check, headers, **envelope)) == expected


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (
            "<alice@example.net>",
            {"RCPT_COUNT_ONE": ("1",), "TO_DN_NONE": (), "TO_MATCH_ENVRCPT_ALL": ()},
        ),
        (
            "Alice <alice@example.net>, b@x.example",
            {"RCPT_COUNT_TWO": ("2",), "TO_DN_SOME": (), "TO_MATCH_ENVRCPT_SOME": ()},
        ),
        (
            '"b@x.example" <b@x.example>, C <c@x.example>, d@x.example',
            {"RCPT_COUNT_THREE": ("3",), "TO_DN_SOME": (), "TO_DN_EQ_ADDR_SOME": ()},
        ),
        (
            "Recipients <b@x.example>",
            {"RCPT_COUNT_ONE": ("1",), "TO_DN_RECIPIENTS": (), "TO_DN_ALL": ()},
        ),
        (", ".join(["a@x.example"] * 5), {"RCPT_COUNT_FIVE": ("5",), "TO_DN_NONE": ()}),
        (", ".join(["a@x.example"] * 11), {"RCPT_COUNT_SEVEN": ("11",), "TO_DN_NONE": ()}),
        (", ".join(["a@x.example"] * 12), {"RCPT_COUNT_TWELVE": ("12",), "TO_DN_NONE": ()}),
        (", ".join(["a@x.example"] * 50), {"RCPT_COUNT_GT_50": ("50",), "TO_DN_NONE": ()}),
    ],
)
def test_recipients(scan: Scan, to: str, expected: dict[str, tuple[str, ...]]) -> None:
    found = scan("check_to_cc", {"To": to})
    assert {name: one.options for name, (one,) in found.items()} == expected


def test_options_name_the_addresses(scan: Scan) -> None:
    found = scan("check_from", {}, mail_from="ann@Other.example")
    assert found["FROM_NEQ_ENVFROM"][0].options == ("bob@example.com", "ann@Other.example")
    found = scan("forged_recipients", {"To": "x@else.example"}, mail_from="ann@other.example")
    assert found["FORGED_RECIPIENTS"][0].options == ("m:x@else.example", "s:alice@example.net")
    assert found["FORGED_SENDER"][0].options == ("bob@example.com", "ann@other.example")


@pytest.mark.parametrize(
    ("headers", "option", "weight"),
    [
        (LIST | {"X-Mailman-Version": "2.1.39", "X-BeenThere": "l@example.com"}, "mailman", 1.0),
        (LIST | {"X-Google-Group-Id": "1"}, "googlegroups", 1.0),
        (LIST, "generic", 0.8125),
        ({"List-Id": "<l.example.com>", "Precedence": "list"}, "generic", 0.5),
    ],
)
def test_list_software(scan: Scan, headers: dict[str, str], option: str, weight: float) -> None:
    (found,) = scan("maillist", headers)["MAILLIST"]
    assert found.options == (option,)
    assert found.weight == weight
