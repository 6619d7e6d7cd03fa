"""Links in PDF files."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.message import Message
from filter_engine.message.pdf_links import pdf_links
from filter_engine.message.url import UrlFlag

ACTION = b"5 0 obj\n<</Type/Action/S/URI/URI(http://www.example.com/a)>>\nendobj\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rb"http://example.com/\(a\)", "http://example.com/(a)"),
        (rb"http://example.com/\141\\b", "http://example.com/a\\b"),
        (b"http://example.com/a\\\nb", "http://example.com/ab"),
        (b"\xfe\xff" + "http://example.com/é".encode("utf-16-be"), "http://example.com/é"),
    ],
)
def test_strings(written: bytes, expected: str) -> None:
    assert pdf_links(b"%PDF-1.4\n<</S/URI/URI (" + written + b")>>") == [expected]


def test_packed_objects() -> None:
    packed = zlib.compress(b"7 0 " + ACTION)
    head = b"%PDF-1.5\n3 0 obj\n<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length 99>>\nstream\n"
    assert pdf_links(head + packed + b"\nendstream") == ["http://www.example.com/a"]
    assert pdf_links(head + b"\0" + packed) == []


def test_a_bomb_is_unpacked_in_part_only() -> None:
    packed = zlib.compress(b"\0" * (64 << 20) + ACTION)
    file = b"%PDF-1.5\n<</Type/ObjStm/Filter/FlateDecode>>\nstream\n" + packed
    assert pdf_links(file * 3) == []


@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    assert isinstance(pdf_links(b"%PDF-/ObjStm stream\n/URI(" + content), list)


def message(content: bytes, kind: str = "application/pdf") -> Message:
    body = base64.encodebytes(content).decode()
    return Message(
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: text/plain\r\n\r\nhttp://www.example.com/a http://example.org\r\n"
        f"--x\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"
        "--x--\r\n".encode()
    )


def test_urls_of_an_attached_file_are_of_its_content() -> None:
    other = ACTION.replace(b"www.example.com/a", b"192.0.2.1/")
    found = message(b"%PDF-1.4\n" + ACTION + other)
    told = {url.text: bool(url.flags & UrlFlag.CONTENT) for url in found.urls}
    assert told == {
        "http://www.example.com/a": False,
        "http://example.org": False,
        "http://192.0.2.1/": True,
    }
    assert {url.host for url in found.links} == {"www.example.com", "example.org"}
    assert len(message(ACTION).urls) == 2
