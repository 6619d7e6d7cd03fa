"""Header blocks and encoded words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message import Defect, Message
from filter_engine.message.encoded_word import decode_value
from filter_engine.message.header import parse_header_block


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_fields_folds_and_body(line_end: str) -> None:
    text = "Subject: one\n two\nX-Empty:\nTo :  a@b.c \n\nbody\n"
    message = Message(text.replace("\n", line_end).encode())
    assert [field.name for field in message.headers] == ["Subject", "X-Empty", "To"]
    assert message.subject == "one two"
    assert message.text("x-empty") == ""
    assert message.text("to") == "a@b.c"
    assert message.headers[0].raw == f" one{line_end} two".encode()
    assert message.body == f"body{line_end}".encode()
    assert message.header_block.endswith(b"a@b.c " + line_end.encode())
    assert message.get("SUBJECT") is message.headers[0]
    assert message.get("missing") is None
    assert message.text("missing") is None


def test_several_fields_of_one_name_keep_their_order() -> None:
    message = Message(b"Received: a\nX: 1\nreceived: b\n\n")
    assert [field.value for field in message.get_all("Received")] == ["a", "b"]
    assert [field.index for field in message.get_all("Received")] == [0, 2]


@pytest.mark.parametrize(
    ("raw", "names", "body"),
    [
        (b"", [], b""),
        (b"\n\n", [], b""),
        (b"no header at all", [], b""),
        (b"Subject: without body", ["Subject"], b""),
        (b"\r\n\r\nSubject: x\r\n\r\nbody", ["Subject"], b"body"),
        (b"From me@example.com Mon Jan 1\nSubject: x\n\nbody", ["Subject"], b"body"),
        (b"From : ceo@example.com\nSubject: x\n\nbody", ["From", "Subject"], b"body"),
        (b"\r\nFrom \t : ceo@example.com\r\n\r\nbody", ["From"], b"body"),
        (b"From me@example.com Mon 10:00:00\nFrom : a@b.example\n\nbody", ["From"], b"body"),
        (b"Subject: x\nrubbish\nTo: y\n\nbody", ["Subject", "To"], b"body"),
        (b" continuation first\nTo: y\n\n", ["To"], b""),
        (b"Subject: x\n\r\nmixed line ends", ["Subject"], b"mixed line ends"),
    ],
)
def test_odd_headers(raw: bytes, names: list[str], body: bytes) -> None:
    message = Message(raw)
    assert [field.name for field in message.headers] == names
    assert message.body == body


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (b"Subject: x\nrubbish\n\n", Defect.HEADER_LINE_WITHOUT_COLON),
        (b"Sub ject: x\n\n", Defect.HEADER_NAME_INVALID),
        (b"Subject: a\0b\n\n", Defect.NUL_BYTE),
        (b"Subject: \xe4\n\n", Defect.EIGHT_BIT_HEADER),
        (b"a: b\n" * 6000, Defect.HEADERS_TRUNCATED),
    ],
)
def test_defects_are_noted(raw: bytes, defect: Defect) -> None:
    assert Message(raw).defects == {defect}


def test_headers_are_bounded() -> None:
    message = Message(b"a: b\n" * 6000 + b"\nbody")
    assert len(message.headers) == 5000
    assert message.body == b"body"
    assert len(Message(b"a: " + b"x" * (1 << 19) + b"\n\n").headers[0].raw) == 256 << 10
    huge = Message(b"a: " + b"x\n " * (1 << 20) + b"\n\nbody")
    assert len(huge.headers[0].raw) == 256 << 10
    assert huge.body == b"body"


JUNK = {
    "fields": b"A: b\n" * 5001,
    "octets": (b"A: " + b"x" * 900 + b"\n") * 1300,
    "a fold": b"A: x\n" + b" x\n" * 400_000,
    "no fields": b"x" * (1 << 20) + b"\n",
    "its own kind": b"A: b\n" * 5000 + b"To: x@y.example\n" * 50 + b"X-A: b\n" * 50,
}


@pytest.mark.parametrize("junk", JUNK)
def test_what_matters_is_found_behind_any_junk(junk: str) -> None:
    late = (
        b"from: a@b.example\nContent-Type: multipart/mixed;\n boundary=x\nX-Junk: 1\n"
        b"SUBJECT : s\nContent-Transfer-Encoding: base64\n\nbody"
    )
    message = Message(JUNK[junk] + late)
    assert Defect.HEADERS_TRUNCATED in message.defects
    assert message.subject == "s"
    assert [address.email for address in message.from_addresses] == ["a@b.example"]
    assert message.parts[0].params == {"boundary": "x"}
    assert message.parts[0].declared_cte == "base64"
    assert message.get("x-junk") is None
    assert message.body == b"body"
    assert [field.index for field in message.headers] == list(range(len(message.headers)))
    assert len(message.headers) < 5100


def test_what_matters_is_found_behind_the_junk_of_a_part() -> None:
    message = Message(
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"
        + b"A: b\n" * 300
        + b"Content-Transfer-Encoding: base64\n\naGVsbG8=\n--x--\n"
    )
    assert message.parts[1].content == b"hello"


@pytest.mark.parametrize("over", range(-30, 30))
def test_a_field_on_the_bound_is_whole(over: int) -> None:
    junk = b"A: " + b"x" * ((1 << 20) - 40 + over) + b"\n"
    message = Message(junk + b"Subject: one\n two\n three\nTo: x@y.example\n\nbody")
    assert message.subject == "one two three"
    assert [field.name for field in message.headers] == ["A", "Subject", "To"]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?gr=C3=BCn?=", "grün"),
        (b"=?UTF-8?B?Z3LDvG4=?=", "grün"),
        (b"=?iso-8859-1?Q?gr=FCn_und?= =?iso-8859-1?Q?_rot?=", "grün und rot"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8?B?w7w?=", "ü"),
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),
        (b"=?utf-8*de?Q?=C3=BC?=", "ü"),
        (b"=?utf-7?Q?a+2AA-b+APY-?=", "a\ufffdb\xf6"),
        (b"=?utf-16-le?B?YQAA2GIA?=", "a\ufffdb"),
        (b"=?unicode-escape?Q?=5Cud800?=", "\\ud800"),
        (b"=?unknown-8bit?Q?a=E4?=", "aä"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?q?never ends", "=?utf-8?q?never ends"),
        (b"=? not a word ?=", "=? not a word ?="),
        (b"a\r\n\tb\r\n c", "a b c"),
        (b"gr\xc3\xbcn", "grün"),
        (b"gr\xfcn", "gr\ufffdn"),
        (b"=?gb2312?B?1tC5+g==?=", "中国"),
        (b"=?shift_jis?B?k/qWew==?=", "日本"),
    ],
)
def test_encoded_words(written: bytes, text: str) -> None:
    assert decode_value(b" " + written) == text


@given(
    st.lists(
        st.sampled_from([b"A", b"a b", b"B:", b":", b" ", b"\t", b"\r", b"\n", b"\xff", b"x:y"]),
        max_size=12,
    ).map(b"".join)
)
def test_the_bounds_change_nothing_within_them(block: bytes) -> None:
    block += b"\nX: 1\n 2\n 3"

    def read(limit: int) -> tuple[list[tuple[str, bytes, int]], set[Defect]]:
        noted: set[Defect] = set()
        fields = parse_header_block(block, noted.add, limit)
        return [(field.name, field.raw, field.index) for field in fields], noted

    assert read(block.count(b"\n")) == read(1000)
