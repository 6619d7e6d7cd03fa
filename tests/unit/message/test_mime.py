"""Parts: structure, types, encodings and bounds."""

from __future__ import annotations

import gc
from collections.abc import Callable
from weakref import ref

import pytest

from filter_engine.message import Defect, Message
from filter_engine.message.content_type import Parametrised, parse_parametrised
from filter_engine.message.transfer_encoding import decode_base64, guess_encoding


def message(text: str) -> Message:
    return Message(text.replace("\n", "\r\n").encode("latin-1"))


def types(parsed: Message) -> list[str]:
    return [part.content_type for part in parsed.parts]


MIXED = """\
Content-Type: multipart/mixed; boundary="one"

preamble
--one
Content-Type: multipart/alternative; boundary=two

--two
Content-Type: text/plain; charset=utf-8

plain
--two
Content-Type: text/html

<b>bold</b>
--two--
--one
Content-Type: application/pdf; name="a.pdf"
Content-Disposition: attachment; filename="b.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--one--
epilogue
"""


def test_tree() -> None:
    parsed = message(MIXED)
    assert types(parsed) == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    mixed, alternative, plain, html, pdf = parsed.parts
    assert mixed.children == (alternative, pdf)
    assert alternative.children == (plain, html)
    assert plain.parent is alternative
    assert mixed.parent is None
    assert [part.index for part in parsed.parts] == [0, 1, 2, 3, 4]
    assert plain.text == "plain"
    assert parsed.text_parts == (plain, html)
    assert html.is_html
    assert pdf.content == b"%PDF-"
    assert pdf.filename == "b.pdf"
    assert pdf.disposition == "attachment"
    assert pdf.is_attachment
    assert parsed.defects == set()


def test_a_message_is_free_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        parsed = message(MIXED)
        assert parsed.parts[2].parent is parsed.parts[1]
        assert parsed.parts[1].parent is parsed.parts[0]
        whole = ref(parsed.parts[0])
        del parsed
        assert whole() is None
    finally:
        gc.enable()


def test_attached_message_in_base64_and_digest() -> None:
    parsed = message(
        "Content-Type: multipart/digest; boundary=x\n\n"
        "--x\n\nSubject: inner\n\nhello\n"
        "--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        "U3ViamVjdDogZW5jb2RlZA0KDQpib2R5\n--x--\n"
    )
    assert types(parsed) == [
        "multipart/digest",
        "message/rfc822",
        "text/plain",
        "message/rfc822",
        "text/plain",
    ]
    assert parsed.parts[2].text_of("subject") == "inner"
    assert parsed.parts[4].text_of("Subject") == "encoded"
    assert parsed.parts[4].text == "body"


@pytest.mark.parametrize(
    ("text", "expected", "defect"),
    [
        (
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo\n",
            ["multipart/mixed", "text/plain", "text/plain"],
            Defect.MULTIPART_NOT_CLOSED,
        ),
        (
            "Content-Type: multipart/mixed\n\n--guess me\n\none\n--guess me--\n",
            ["multipart/mixed", "text/plain"],
            Defect.BOUNDARY_MISSING,
        ),
        (
            "Content-Type: multipart/mixed; boundary=x\n\nnothing here\n",
            ["multipart/mixed"],
            Defect.BOUNDARY_NOT_FOUND,
        ),
        (
            "Content-Type: multipart/mixed; boundary=y\n\n--other\n\none\n--other--\n",
            ["multipart/mixed", "text/plain"],
            Defect.BOUNDARY_NOT_FOUND,
        ),
        (
            "Content-Type: nonsense\n\nbody\n",
            ["nonsense"],
            Defect.BAD_CONTENT_TYPE,
        ),
    ],
)
def test_broken_structures(text: str, expected: list[str], defect: Defect) -> None:
    parsed = message(text)
    assert types(parsed) == expected
    assert defect in parsed.defects


def test_boundaries_that_begin_alike() -> None:
    parsed = message(
        "Content-Type: multipart/mixed; boundary=x\n\n"
        "--x\nContent-Type: multipart/mixed; boundary=xy\n\n--xy\n\ninner\n--xy--\n"
        "--x\n\nouter\n--x--\n"
    )
    assert types(parsed) == ["multipart/mixed", "multipart/mixed", "text/plain", "text/plain"]
    assert [part.text for part in parsed.parts[2:]] == ["inner", "outer"]


def test_boundary_in_another_case() -> None:
    parsed = message("Content-Type: multipart/mixed; boundary=ABC\n\n--abc\n\none\n--abc--\n")
    assert parsed.parts[1].text == "one"


def test_part_without_header() -> None:
    parsed = message(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nno field here\nat all\n--x--\n"
    )
    assert parsed.parts[1].text == "no field here\r\nat all"


def test_depth_and_number_of_parts_are_bounded() -> None:
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(100))
    parsed = message(deep)
    assert len(parsed.parts) == 33
    assert Defect.TOO_DEEP in parsed.defects
    wide = message("Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\na\n" * 5000)
    assert len(wide.parts) == 1000
    assert Defect.TOO_MANY_PARTS in wide.defects


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b" text/plain; charset=utf-8", ("text/plain", {"charset": "utf-8"})),
        (b'TEXT/HTML; Charset="UTF-8"; x=y', ("text/html", {"charset": "UTF-8", "x": "y"})),
        (b"text/plain", ("text/plain", {})),
        (b"text/plain;", ("text/plain", {})),
        (b"text/plain charset=us-ascii", ("text/plain", {"charset": "us-ascii"})),
        (b"text/plain (comment); charset=a", ("text/plain", {"charset": "a"})),
        (b"text / plain; charset=a", ("text/plain", {"charset": "a"})),
        (b'a/b; n="with; semicolon"; m=2', ("a/b", {"n": "with; semicolon", "m": "2"})),
        (b'a/b; n="C:\\dir\\f.txt"', ("a/b", {"n": "C:\\dir\\f.txt"})),
        (b"a/b; name*=utf-8''gr%C3%BCn.txt", ("a/b", {"name": "grün.txt"})),
        (b"a/b; name*0=one; name*1=two", ("a/b", {"name": "onetwo"})),
        (b"a/b; name*0*=utf-8'de'gr%C3%BC; name*1=n", ("a/b", {"name": "grün"})),
        (b'a/b; name="=?utf-8?q?gr=C3=BCn?="', ("a/b", {"name": "grün"})),
        (b"a/b; x=1; x=2", ("a/b", {"x": "1"})),
        (b"a/b; =x; y", ("a/b", {})),
        (b"", ("", {})),
        (b"attachment; filename = spaced.txt", ("attachment", {"filename": "spaced.txt"})),
    ],
)
def test_parameters(written: bytes, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_parametrised(written) == Parametrised(*expected)


@pytest.mark.parametrize(
    ("encoding", "content", "text", "cte"),
    [
        ("7bit", "plain", "plain", "7bit"),
        ("Binary", "plain", "plain", "8bit"),
        ("quoted-printable", "gr=FCn=\n=20x", "grün x", "quoted-printable"),
        ("base64", "Z3L8bg==", "grün", "base64"),
        ("base64", "Z3L8\nbg", "grün", "base64"),
        ("x-uue", "begin 644 a\n%:&5L;&\\\n`\nend\n", "hello", "uuencode"),
        ("base64", "gr\xfcn und das ist kein base64", "grün und das ist kein base64", "8bit"),
        ("unknown", "plain text", "plain text", "7bit"),
        (None, "gr\xfcn", "grün", "8bit"),
        (None, "a=20b =3D =41 =42", "a b = A B", "quoted-printable"),
    ],
)
def test_transfer_encodings(encoding: str | None, content: str, text: str, cte: str) -> None:
    line = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    parsed = message(f"Content-Type: text/plain; charset=iso-8859-1\n{line}\n{content}")
    part = parsed.parts[0]
    assert part.cte == cte
    assert part.text == text


def test_parts_inherit_the_encoding_of_their_multipart() -> None:
    parsed = message(
        "Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\n"
        "--x\nContent-Type: text/plain\n\nplain\n--x--\n"
    )
    assert parsed.parts[1].cte == "8bit"


@pytest.mark.parametrize(
    ("content", "decoded", "clean"),
    [
        (b"aGk=", b"hi", True),
        (b"aGk", b"hi", True),
        (b"aG\r\nk=\r\n", b"hi", True),
        (b"aGk=aGk=", b"hihi", False),
        (b"a*Gk=", b"hi", False),
        (b"aGkx5", b"hi1", False),
        (b"", b"", True),
        (b"====", b"", True),
    ],
)
def test_base64(content: bytes, decoded: bytes, clean: bool) -> None:
    assert decode_base64(content) == (decoded, clean)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"Just a sentence.", "7bit"),
        (b"\xe4\xf6\xfc", "8bit"),
        (b"TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu" * 4, "base64"),
        (b"word", "7bit"),
        (b"aGVsbG8=", "base64"),
        (b"", "7bit"),
        (b"begin 644 file\n", "uuencode"),
        (b"=41=42=43=44 text", "quoted-printable"),
    ],
)
def test_guessing(content: bytes, encoding: str) -> None:
    assert guess_encoding(content) == encoding


def test_text_and_attachments() -> None:
    def only(headers: str, content: str = "x") -> Callable[[], Message]:
        return lambda: message(f"{headers}\n\n{content}")

    assert only("Content-Type: text/plain")().text_parts
    assert only("Content-Type: message/delivery-status")().text_parts
    assert not only("Content-Type: text/plain; name=a.txt")().text_parts
    assert not only("Content-Type: text/plain\nContent-Disposition: attachment")().text_parts
    inline = "Content-Type: text/plain; name=a\nContent-Disposition: inline; filename=a"
    assert only(inline)().text_parts
    assert not only("Subject: binary without type", "\xff\xfe\x01")().text_parts
    shouted = "<html><body><p>Buy</p></body></html>"
    assert only("Content-Type: text/plain", shouted)().parts[0].is_html
    assert not only("Content-Type: text/plain", "a < b <p>")().parts[0].is_html


@pytest.mark.parametrize(
    ("charset", "content", "text"),
    [
        ("utf-8", b"gr\xc3\xbcn", "grün"),
        ("us-ascii", b"gr\xc3\xbcn", "grün"),
        ("iso-8859-1", b"\x80 \xfc", "€ ü"),
        ("windows-1251", b"\xcf\xf0\xe8", "При"),
        ("koi8-r", b"\xf0\xd2\xc9", "При"),
        ("no-such-charset", b"gr\xfcn", "grün"),
        ("utf-16", b"\xff", "\ufffd"),
        ("big5", b"\xa4\xa4", "中"),
        ("utf-7", b"+AOQ-", "ä"),
        ("rot13", b"abc", "abc"),
    ],
)
def test_charsets(charset: str, content: bytes, text: str) -> None:
    raw = b"Content-Type: text/plain; charset=%s\nContent-Transfer-Encoding: 8bit\n\n%s"
    assert Message(raw % (charset.encode(), content)).parts[0].text == text
