"""Bodies of several parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.wire.form import (
    MAX_PART_HEAD,
    MAX_PARTS,
    FormError,
    Part,
    boundary_of,
    read_form,
    write_form,
)


def body(*parts: tuple[str, bytes], boundary: str = "b") -> bytes:
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + data
        for name, data in parts
    ]
    return b"\r\n".join([*pieces, f"--{boundary}--\r\n".encode()])


def test_parts_with_their_headers() -> None:
    raw = (
        b"a preamble that nobody reads\r\n--b \t\r\n"
        b'content-disposition: form-data; filename="name=x"; name="metadata"\r\n'
        b"Content-Type: application/json; charset=utf-8\r\n\r\n{}\r\n--b\r\n"
        b"Content-Disposition: form-data; name=message\r\nContent-Encoding: ZSTD\r\n\r\n"
        b"Subject: x\r\n\r\ntext\r\n\r\n--b--\r\nan epilogue\r\n--b\r\n"
    )
    assert read_form(raw, "b") == (
        Part("metadata", b"{}", "application/json; charset=utf-8"),
        Part("message", b"Subject: x\r\n\r\ntext\r\n", encoding="zstd"),
    )


def test_a_part_may_be_a_multipart_message_itself() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b, he"
    )
    assert read_form(body(("message", message)), "b")[0].data == message


def test_the_boundary_of_an_inner_multipart_may_begin_with_the_outer_one() -> None:
    inner = b"Subject: x\r\n\r\n--b--inner\r\n\r\ntext\r\n--b--inner--\r\n"
    assert read_form(body(("message", inner)), "b") == (Part("message", inner),)


def test_lines_that_only_begin_like_a_delimiter_are_passed_over_at_once() -> None:
    inner = b"\r\n--bX" * 1_000_000
    assert read_form(body(("message", inner)), "b") == (Part("message", inner),)


def test_a_part_without_headers_and_one_without_octets() -> None:
    assert read_form(b"--b\r\n\r\nx\r\n--b\r\n\r\n\r\n--b--", "b") == (
        Part("", b"x"),
        Part("", b""),
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "closing boundary"),
        (b"--b\r\n\r\nx", "closing boundary"),
        (b"--b\r\n\r\nx\r\n--c--\r\n", "closing boundary"),
        (b"--b" + b" " * 9999 + b"\r\n\r\nx\r\n--b--", "delimiter"),
        (b"--b\r\nX: y\r\n--b--", "headers of a part"),
        (b"--b\r\nX: " + b"y" * MAX_PART_HEAD + b"\r\n\r\nx\r\n--b--", "headers of a part"),
        (body(*[("message", b"x")] * (MAX_PARTS + 1)), "more than"),
    ],
)
def test_what_is_no_form(raw: bytes, said: str) -> None:
    with pytest.raises(FormError, match=said):
        read_form(raw, "b")


@pytest.mark.parametrize(
    ("written", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ('Multipart/Form-Data; charset=x; BOUNDARY = "a b;c"', "a b;c"),
    ],
)
def test_the_boundary(written: str, boundary: str) -> None:
    assert boundary_of(written) == boundary


@pytest.mark.parametrize(
    "written", ["", "text/plain; boundary=x", "multipart/form-data", "multipart/x; boundary="]
)
def test_no_boundary(written: str) -> None:
    with pytest.raises(FormError, match="Content-Type"):
        boundary_of(written)


def test_what_is_written_can_be_read() -> None:
    parts = (Part("result", b"\r\n--x\r\n", "application/json"), Part("body", b"y", "a/b", "zstd"))
    written, boundary = write_form(parts)
    assert read_form(written, boundary) == parts
    assert write_form(parts)[1] != boundary


@given(
    st.lists(st.sampled_from([b"--b", b"\r\n", b"--", b": ", b"name=", b'"', b"x"]), max_size=40)
)
def test_nothing_else_is_raised(pieces: list[bytes]) -> None:
    try:
        parts = read_form(b"".join(pieces), "b")
    except FormError:
        return
    assert all(isinstance(part.data, bytes) for part in parts)
