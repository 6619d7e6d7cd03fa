"""Texts that once cost more than linear time; bounds are CPU seconds, ten times what is seen."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from filter_engine.message.archive.seven_zip import read_7z
from filter_engine.message.css import Sheet


def _seconds(run: Callable[[], object]) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


@pytest.mark.parametrize("text", ["a,", '"', "(", "\\", "{", "}", "a{", "{}", "a{color:red}"])
def test_a_sheet_is_read_in_linear_time(text: str) -> None:
    sheet = "p { color: red }" + text * (128_000 // len(text))
    assert _seconds(lambda: Sheet().add(sheet)) < 1.0


def test_rules_are_found_where_they_stand() -> None:
    sheet = Sheet()
    sheet.add("@media x { p, .c { color: red } .d { display: none } } b { color: blue }")
    assert sheet.style_of("p", None, None).colour == (255, 0, 0, 1.0)
    assert sheet.style_of("i", "c", None).colour == (255, 0, 0, 1.0)
    assert sheet.style_of("b", None, None).colour == (0, 0, 255, 1.0)


@pytest.mark.parametrize(
    "begin", [b"\x11\xc1\x00\x00", b"\x11\xc7\x00\x00", b"\x11\xe0\x01\x00\x00"]
)
def test_a_header_full_of_names_that_are_none(begin: bytes) -> None:
    header = b"\x01" + begin * ((1 << 20) // len(begin))
    size = len(header).to_bytes(8, "little")
    content = b"7z\xbc\xaf'\x1c" + bytes(6) + bytes(8) + size + bytes(4) + header
    assert _seconds(lambda: read_7z(content)) < 3.0
