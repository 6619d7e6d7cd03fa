"""Canonicalisation against the RFC's examples, against dkimpy, and against hostile lengths."""

from __future__ import annotations

import time

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.canonical import (
    Canonicalization,
    SignedContent,
    canonical_field,
    relaxed_body,
    relaxed_value,
    simple_body,
    with_crlf,
)

PIECES = st.sampled_from([b"a", b"b:", b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"\xc3\xbc", b"."])
BODIES = st.lists(PIECES, max_size=40).map(b"".join)
VALUES = st.lists(
    st.sampled_from([b"a", b"b;", b" ", b"\t", b"  ", b"\r\n ", b"\r\n\t", b"\xff"]), max_size=30
).map(b"".join)


def test_the_examples_of_rfc_6376_section_3_4_5() -> None:
    fields = [(b"A", b" X"), (b"B ", b" Y\t\r\n\tZ  ")]
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    relaxed = [canonical_field(n, v, Canonicalization.RELAXED) for n, v in fields]
    assert relaxed == [b"a:X", b"b:Y Z"]
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    simple = [canonical_field(n, v, Canonicalization.SIMPLE) for n, v in fields]
    assert simple == [b"A: X", b"B : Y\t\r\n\tZ  "]
    assert simple_body(body) == b" C \r\nD \t E\r\n"


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n", b"\r\n", b""),
        (b"\r\n\r\n\r\n", b"\r\n", b""),
        (b" \r\n\t\r\n", b" \r\n\t\r\n", b""),
        (b"x", b"x\r\n", b"x\r\n"),
        (b"x  ", b"x  \r\n", b"x\r\n"),
        (b"x\r\n\r\r\n", b"x\r\n\r\r\n", b"x\r\n\r\r\n"),
        (b"x\r\n\n\r\n", b"x\r\n\n\r\n", b"x\r\n\n\r\n"),
        (b"x\r", b"x\r\r\n", b"x\r\r\n"),
    ],
)
def test_ends_of_bodies(body: bytes, simple: bytes, relaxed: bytes) -> None:
    assert simple_body(body) == simple
    assert relaxed_body(body) == relaxed


@pytest.mark.parametrize("runs", [1, 254, 255, 256, 257, 700])
@pytest.mark.parametrize("run", [b"  ", b" \t ", b"     "])
def test_few_and_many_runs_of_blanks_collapse_alike(runs: int, run: bytes) -> None:
    body = run + (b"x" + run) * (runs - 1) + b"y\r\n"
    assert relaxed_body(body) == b" " + b"x " * (runs - 1) + b"y\r\n"
    assert relaxed_body(body[:-3] + b"\r\n") == (b" " + b"x " * (runs - 1)).rstrip() + (
        b"\r\n" if runs > 1 else b""
    )


@given(BODIES)
def test_bodies_are_as_dkimpy_has_them(body: bytes) -> None:
    # Blanks at a last line without an end are outside its patterns; mail lines always end.
    body += b"\r\n"
    assert simple_body(body) == Simple.canonicalize_body(body)
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)


@given(VALUES)
def test_fields_are_as_dkimpy_has_them(value: bytes) -> None:
    ((name, expected),) = Relaxed.canonicalize_headers([(b"SubJect", value + b"\r\n")])
    ours = canonical_field(b"SubJect", value, Canonicalization.RELAXED)
    assert ours + b"\r\n" == name + b":" + expected


@given(st.binary(max_size=60))
def test_canonicalisation_is_idempotent(data: bytes) -> None:
    for canonical in (simple_body, relaxed_body):
        once = canonical(with_crlf(data))
        assert canonical(once) == once


@pytest.mark.parametrize("value", [b" a\x0b b", b"a\x0cb", b"a\rb  c"])
def test_other_blanks_are_no_white_space(value: bytes) -> None:
    assert relaxed_value(value) == value.strip(b" ").replace(b"  ", b" ")


@pytest.mark.parametrize(
    ("given_data", "wire"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r\r\n", b"a\rb\r\r\n"),
        (b"", b""),
    ],
)
def test_line_ends_as_they_travel(given_data: bytes, wire: bytes) -> None:
    assert with_crlf(given_data) == wire


@pytest.mark.parametrize(
    "body",
    [
        b" " * 20_000_000,
        b"\t " * 10_000_000 + b"x",
        b"\r\n" * 10_000_000,
        b"\r" * 20_000_000,
        b"\r\r\n" * 6_000_000,
        b"\n\r" * 10_000_000,
        b" \r\n" * 6_000_000,
    ],
    ids=["blanks", "mixed blanks", "empty lines", "CRs", "CRCRLFs", "LFCRs", "blank lines"],
)
def test_hostile_bodies_take_linear_time(body: bytes) -> None:
    started = time.process_time()
    simple_body(body)
    relaxed_body(body)
    assert time.process_time() - started < 3.0


def test_fields_are_chosen_from_the_bottom() -> None:
    content = SignedContent([(b"To", b" 1"), (b"From", b" x"), (b"to", b" 2"), (b"TO", b" 3")], b"")
    chosen = content.signed_fields([b"to", b"from", b"to", b"cc", b"to", b"to"], _RELAXED)
    assert chosen == [b"to:3\r\n", b"from:x\r\n", b"to:2\r\n", b"to:1\r\n"]


def test_body_hashes_are_kept() -> None:
    content = SignedContent([], b"one\ntwo\n")
    first = content.body_hash(_RELAXED, "sha256")
    assert content.body_hash(_RELAXED, "sha256") is first
    assert content.body_hash(_RELAXED, "sha256", 5) == SignedContent([], b"one\n").body_hash(
        _RELAXED, "sha256"
    )


_RELAXED = Canonicalization.RELAXED
