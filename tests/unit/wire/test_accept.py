"""What a client wants to be answered in."""

from __future__ import annotations

import pytest

from filter_engine.wire.accept import best, takes_zstd

OFFERS = ("multipart/form-data", "application/json", "application/msgpack")


@pytest.mark.parametrize(
    ("field", "chosen"),
    [
        ("", OFFERS[0]),
        ("*/*", OFFERS[0]),
        ("application/*", OFFERS[1]),
        ("Application/JSON; charset=utf-8", OFFERS[1]),
        ("application/json, text/plain, */*", OFFERS[1]),
        ("application/json;q=0.5, application/msgpack", OFFERS[2]),
        ("application/json;q=0, */*", OFFERS[0]),
        ("*/*;q=0.1, application/*;q=0.2", OFFERS[1]),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=nan", None),
        ("*/*;q=2", None),
        (",;,", OFFERS[0]),
    ],
)
def test_the_media_type(field: str, chosen: str | None) -> None:
    assert best(field, OFFERS) == chosen


@pytest.mark.parametrize(
    ("field", "takes"),
    [
        ("", False),
        ("gzip, ZSTD", True),
        ("zstd;q=0", False),
        ("zstd; q=0.000", False),
        ("zstd;q=0.1", True),
        ("*", False),
    ],
)
def test_zstd(field: str, takes: bool) -> None:
    assert takes_zstd(field) is takes


def test_a_field_without_end() -> None:
    assert best("a/b," * 100_000 + "application/json", OFFERS) is None
