"""Wallets, bounces, marks of hosts, and the form of the header."""

from __future__ import annotations

from typing import Any

import pytest

from filter_engine.checks.bounce import bounce
from filter_engine.checks.regexp.module import prepare
from filter_engine.checks.regexp.options import RegexpOptions
from filter_engine.checks.scams import wallets
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task

from .conftest import CONFIG, NOW, Scan, compose

LEGACY = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
SEGWIT = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
CASH = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"


@pytest.mark.parametrize("address", [LEGACY, SEGWIT, SEGWIT.upper(), TAPROOT, CASH])
def test_a_wallet_is_known_by_its_checksum(address: str) -> None:
    assert wallets([f"send to {address} now"]) == [address]
    wrong = address[:-1] + ("q" if address[-1] not in "qQ" else "p")
    assert wallets([wrong]) == []


def test_ordinary_words_are_no_wallets() -> None:
    words = "1234567890123456789012345678901 3333333333333333333333333333 qqqqqqqqqqqqqqqqqq"
    assert wallets([words, "bc1" + "q" * 40, "1" * 30]) == []


def test_wallets_are_bounded() -> None:
    assert len(wallets([f"{LEGACY} {SEGWIT} " * 5000])) == 2


@pytest.mark.parametrize("address", [LEGACY, SEGWIT, SEGWIT.upper(), TAPROOT, CASH])
@pytest.mark.parametrize(
    "around", ["\u00e9 {}\n", "(see {})", "\u017f" * 30 + " {}", "x" * 99 + " {}"]
)
def test_wallets_are_found_among_other_words(scan: Scan, address: str, around: str) -> None:
    found = scan("scams", {}, around.format(address) + "\n", states={"regexp": None})
    assert found["BITCOIN_ADDR"][0].options == (address,)


def test_letters_that_only_resemble_those_of_a_wallet_are_none(scan: Scan) -> None:
    # Case aside, U+017F is an s and U+212A a k.
    text = "bc1" + "s\u017f" * 20 + " bc1" + "k\u212a" * 20 + " bc1" + "q" * 30 + "\u017f\n"
    assert scan("scams", {"Content-Type": "text/plain; charset=utf-8"}, text) == {}


@pytest.mark.parametrize(
    ("text", "headers", "extortion"),
    [
        (f"Pay to {LEGACY}", {}, False),
        (f"I know your password, pay to {LEGACY}", {}, True),
        (f"Pay to {LEGACY}", {"List-Unsubscribe": "<mailto:a@b.example>"}, True),
        ("I know your password", {}, False),
    ],
)
def test_extortion_names_a_wallet(
    scan: Scan, text: str, headers: dict[str, str], extortion: bool
) -> None:
    states = {"regexp": prepare(RegexpOptions(), Setup(CONFIG))}
    found = scan("scams", headers, text + "\n", states=states)
    assert ("LEAKED_PASSWORD_SCAM_RE" in found) is extortion
    assert ("BITCOIN_ADDR" in found) is (LEGACY in text)
    if LEGACY in text:
        assert found["BITCOIN_ADDR"][0].options == (LEGACY,)


REPORT = {"Content-Type": 'multipart/report; report-type=delivery-status; boundary="x"'}
RETURNED = {"Content-Type": 'multipart/mixed; boundary="x"'}
PARTS = "--x\n\nsorry\n--x\nContent-Type: message/rfc822\n\nSubject: old\n\nold\n--x--\n"
DAEMON = "MAILER-DAEMON@mx.example.com"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (REPORT, PARTS, (1.0, "DSN")),
        ({"From": "MDaemon@a.example", "X-MDDSN-Message": "1"}, "x\n", (1.0, "MDaemon")),
        ({"From": DAEMON, "Subject": "failure notice"}, "x\n", (0.5, "mailer-daemon+subj")),
        (
            {"From": DAEMON, "Subject": "x", **RETURNED},
            PARTS,
            (0.5, "mailer-daemon+message/rfc822"),
        ),
        ({"Subject": "Undelivered Mail", **RETURNED}, PARTS, (0.2, "message/rfc822+subj")),
        ({"From": DAEMON, "Subject": "x"}, "x\n", None),
        ({"Subject": "Lunch", **RETURNED}, PARTS, None),
    ],
)
def test_bounces(scan: Scan, headers: Any, body: str, expected: tuple[float, str] | None) -> None:
    subject_words = frozenset({"SUBJ_BOUNCE_WORDS"} & scan("regexp", headers, body).keys())
    raw = compose(headers, body)
    for sender, wanted in (("", expected), ("a@b.example", None)):
        task = Task(
            Message(raw),
            Envelope(mail_from=sender),
            {},
            NOW,
            "test.example",
            results={"regexp": subject_words},
        )
        found = bounce(task)
        assert [(f.weight, *f.options) for f in found] == ([wanted] if wanted else [])


def test_marks_of_hosting_panels(scan: Scan) -> None:
    headers = {
        "X-Authenticated-Sender": "host.example: joe@site.example",
        "X-Get-Message-Sender-Via": "host.example: authenticated_id: joe@site.example",
    }
    found = scan("compromised_hosts", headers)
    assert found["HAS_X_AS"][0].options == ("joe@site.example",)
    assert found["HAS_X_GMSV"][0].options == ("joe@site.example",)
    assert scan("compromised_hosts", {"X-Authenticated-Sender": "odd"})["HAS_X_AS"][0].options == ()


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("http://a.example/.cache/x.html", True),
        ("http://a.example/x/../y", True),
        ("http://a.example/.well-known/x", False),
        ("http://a.example/x.html?/.y", False),
        ("http://a.example/a.b/c", False),
    ],
)
def test_hidden_paths(scan: Scan, url: str, hidden: bool) -> None:
    assert ("URI_HIDDEN_PATH" in scan("compromised_hosts", body=f"see {url}\n")) is hidden


def test_the_form_of_the_header(scan: Scan) -> None:
    names = {"From": "FROM", "To": "TO", "Cc": "CC", "Reply-To": "REPLYTO", "Date": "DATE"}
    symbols = {f"HEADER_{short}_EMPTY_DELIMITER" for short in names.values()}
    declared = {s.name for s in REGISTRY["header_form"].symbols}
    assert symbols < declared
    assert scan("header_form") == {}
    for name, short in names.items():
        found = scan("header_form", {name: None, f"{name}:x\nX-More": "1"})
        assert found.keys() == {f"HEADER_{short}_EMPTY_DELIMITER"}


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("no colon here", True),
        ("Two words: x", True),
        ("X-Odd : x", True),
        (">From someone", False),
        ("X-Empty:", False),
        (": x", False),
    ],
)
def test_lines_that_are_no_fields(scan: Scan, line: str, broken: bool) -> None:
    found = scan("header_form", {f"X-Before: 1\n{line}\nX-After": "1"})
    assert ("BROKEN_HEADERS" in found) is broken


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("no type", True),
        ("text", True),
        ("text/", True),
        ("/html", False),
        ("", False),
        ("text/plain text", False),
        ("text/html; charset", False),
    ],
)
def test_types_that_cannot_be_read(scan: Scan, value: str, broken: bool) -> None:
    found = scan("header_form", {"Content-Type": value})
    assert ("BROKEN_CONTENT_TYPE" in found) is broken
