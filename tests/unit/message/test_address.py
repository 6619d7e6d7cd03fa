"""Address lists, as RFC 5322 has them and as they come."""

from __future__ import annotations

import pytest

from filter_engine.message import Message
from filter_engine.message.address import parse_mailbox
from filter_engine.message.quoted import strip_comments, unquote


def parse(value: str) -> list[tuple[str | None, str]]:
    message = Message(f"To: {value}\n\n".encode())
    return [(one.display, one.email) for one in message.to]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@example.com", [(None, "a@example.com")]),
        ("<a@example.com>", [(None, "a@example.com")]),
        ("Ann <a@Example.COM>", [("Ann", "a@example.com")]),
        ('"Ann, B." <a@example.com>', [("Ann, B.", "a@example.com")]),
        ('"Ann \\"B\\"" <a@example.com>', [('Ann "B"', "a@example.com")]),
        ("Ann<a@example.com>", [("Ann", "a@example.com")]),
        ("=?utf-8?q?J=C3=B6rg?= <a@example.com>", [("Jörg", "a@example.com")]),
        ("a@example.com (a comment, with b@example.com)", [(None, "a@example.com")]),
        ("a@example.com, B <b@example.com>", [(None, "a@example.com"), ("B", "b@example.com")]),
        ("a@example.com,,b@example.com,", [(None, "a@example.com"), (None, "b@example.com")]),
        ('"a b"@example.com', [("a b", "@example.com")]),
        ("<@one.example,@two.example:a@example.com>", [(None, "a@example.com")]),
        ("<a@[192.0.2.1]>", [(None, "a@[192.0.2.1]")]),
        ("undisclosed-recipients:;", [("undisclosed-recipients:;", "")]),
        ("<>", [(None, "")]),
        ("Ann <a@example.com", [("Ann", "a@example.com")]),
        ("not an address", [("not an address", "")]),
        ("a@b@example.com", [(None, "a@b@example.com")]),
        ('"Ann <a@example.com>', [(None, "a@example.com")]),
    ],
)
def test_lists(value: str, expected: list[tuple[str | None, str]]) -> None:
    assert parse(value) == expected


@pytest.mark.parametrize(
    ("written", "valid"),
    [
        ("a@example.com", True),
        ("<a@example.com>", True),
        ("<>", True),
        ('"quoted local"@example.com', True),
        ("a@example..com", False),
        ("a b@example.com", False),
        (".a@example.com", False),
        ("a@", False),
        ("ä@example.com", False),
        ("a@-example.com", False),
        ("", False),
    ],
)
def test_validity(written: str, valid: bool) -> None:
    assert parse_mailbox(written.encode()).valid is valid


def test_all_lists_of_a_message() -> None:
    message = Message(
        b"From: a@x.example\nSender: s@x.example\nReply-To: r@x.example\n"
        b"To: t@x.example\nCC: c@x.example\nBcc: b@x.example\nTo: u@x.example\n\n"
    )
    assert [one.local for one in message.from_addresses] == ["a"]
    assert [one.local for one in message.sender] == ["s"]
    assert [one.local for one in message.reply_to] == ["r"]
    assert [one.local for one in message.to] == ["t", "u"]
    assert [one.local for one in message.cc] == ["c"]
    assert [one.local for one in message.recipients] == ["t", "c", "b", "u"]


def test_the_number_of_addresses_is_bounded() -> None:
    message = Message(b"To: " + b"a@example.com, " * 10_000 + b"\n\n")
    assert len(message.to) == 2000


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        (b"a (b) c", b"a  c"),
        (b"a (b (c) d) e", b"a  e"),
        (b'"(not)" (yes)', b'"(not)" '),
        (b"a (never ends", b"a "),
        (b"a \\( b", b"a \\( b"),
        (b"a ) b", b"a ) b"),
    ],
)
def test_comments(value: bytes, bare: bytes) -> None:
    assert strip_comments(value) == bare


@pytest.mark.parametrize(
    ("text", "paths", "inside", "end"),
    [
        (b'abc" rest', False, b"abc", 4),
        (b'a\\"b" rest', False, b'a"b', 5),
        (b"never ends", False, b"never ends", 10),
        (b'C:\\dir\\"x"', True, b'C:\\dir"x', 10),
        (b"a\\", False, b"a", 2),
    ],
)
def test_quoted_strings(text: bytes, paths: bool, inside: bytes, end: int) -> None:
    assert unquote(text, 0, paths=paths) == (inside, end)
