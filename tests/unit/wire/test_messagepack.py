"""MessagePack beside JSON."""

from __future__ import annotations

import contextlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.wire.messagepack import MessagePackError, packed, preferred, unpacked


def test_json_as_messagepack_and_back() -> None:
    said = packed(b'{"score": -1.5, "symbols": {"A": {"options": ["x", null, true]}}, "n": 1e3}')
    assert said == msgpack.packb(
        {"score": -1.5, "symbols": {"A": {"options": ["x", None, True]}}, "n": 1000.0}
    )
    assert unpacked(said)["symbols"] == {"A": {"options": ["x", None, True]}}


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        ("", False),
        ("*/*", False),
        ("text/html, */*", False),
        ("application/msgpack", True),
        ("application/x-msgpack, */*", True),
        ("application/json, application/msgpack", False),
        ("application/json;q=0.9, Application/MsgPack", True),
        ("application/msgpack;q=0, application/json", False),
        ("application/msgpack;q=0", False),
    ],
)
def test_who_prefers_it(accept: str, wants: bool) -> None:
    assert preferred(accept) is wants


def test_octets_that_are_no_utf8() -> None:
    assert unpacked(b"\x81\xa1a\xa2b\xff") == {"a": "b\udcff"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x01\x02",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x81\x01\x02",
        b"\x81\x91\x01\x02",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(MessagePackError):
        unpacked(data)


@given(st.binary(max_size=60))
def test_nothing_else_is_raised(data: bytes) -> None:
    with contextlib.suppress(MessagePackError):
        unpacked(data)
