"""Header blocks and encoded words."""

from __future__ import annotations

import pytest

from filter_engine.message import Defect, Message
from filter_engine.message.encoded_word import decode_value


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
    assert len(huge.header_block) <= 1 << 20


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
