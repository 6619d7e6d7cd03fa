"""X-Spamd-Result as Rspamd writes it, and read back, whatever options quote."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.headers.spamd_result import (
    MAX_OPTION,
    NoSpamdResultError,
    ShownSymbol,
    parse_spamd_result,
    spamd_result,
)
from filter_engine.scan.verdict import SymbolResult

BIG = SymbolResult("BIG", 7.0, 7.0, options=("why", "because"))
SMALL = SymbolResult("SMALL", -0.5, -0.5)

#: As Debian's Rspamd 3.4 wrote it.
DELIVERED = """default: False [-0.10 / 30.00];
\tMIME_GOOD(-0.10)[text/plain];
\tMIME_TRACE(0.00)[0:+];
\tRCVD_COUNT_ZERO(0.00)[0];
\tDKIM_SIGNED(0.00)[home.example:s=mail];
\tTO_DN_NONE(0.00)[]"""


def test_as_rspamd_writes_it() -> None:
    assert spamd_result([SMALL, BIG], 6.5, 15.0, rejected=False) == (
        "default: False [6.50 / 15.00];\n\tBIG(7.00)[why,because];\n\tSMALL(-0.50)[]"
    )
    assert spamd_result([], 20.0, 15.0, rejected=True) == "default: True [20.00 / 15.00]"
    assert spamd_result([], 1.0, math.nan, rejected=False) == "default: False [1.00 / nan]"


def test_sorted_by_name_and_filled_lines() -> None:
    symbols = [SymbolResult(f"SYMBOL_{n}", -0.5, -0.5) for n in (3, 1, 2)]
    by_name = spamd_result(symbols, 0.0, 15.0, rejected=False, sort_by="name")
    assert [line[1:9] for line in by_name.split("\n\t")[1:]] == ["YMBOL_1(", "YMBOL_2(", "YMBOL_3("]
    filled = spamd_result(symbols * 3, 0.0, 15.0, rejected=False, stop_chars=" ")
    lines = filled.split("\n\t")
    assert len(lines) < 9
    assert all(len(line) <= 76 for line in lines)


def test_a_header_of_rspamds_comes_back_as_it_was() -> None:
    read = parse_spamd_result(DELIVERED)
    assert (read.rejected, read.score, read.required) == (False, -0.1, 30.0)
    assert read.symbols[0] == ShownSymbol("MIME_GOOD", -0.1, ("text/plain",))
    assert read.symbols[-1] == ShownSymbol("TO_DN_NONE", 0.0)
    written = [SymbolResult(s.name, s.score, s.score, options=s.options) for s in read.symbols]
    assert spamd_result(written, read.score, read.required, rejected=False) == DELIVERED
    assert parse_spamd_result(" ".join(DELIVERED.split())) == read


@pytest.mark.parametrize("text", ["", "x", "default: Maybe [1 / 2]", "default: True [1.1.1 / 2]"])
def test_what_is_no_result(text: str) -> None:
    with pytest.raises(NoSpamdResultError):
        parse_spamd_result(text)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_options_can_neither_end_the_header_nor_look_like_a_symbol(texts: list[str]) -> None:
    forged = ["]; BAYES_HAM(-9.00)[", "];\tX(1.00)[", "a\r\nX-Spam: No", *texts]
    evil = SymbolResult("EVIL", 1.0, 1.0, options=tuple(forged))
    value = spamd_result([evil, SMALL], 0.5, 15.0, rejected=False)
    assert "\r" not in value
    assert value.count("\n") == value.count("\n\t")
    assert [symbol.name for symbol in parse_spamd_result(value).symbols] == ["EVIL", "SMALL"]


def test_lines_and_header_stay_within_what_mtas_take() -> None:
    long = [SymbolResult(f"S{n}", 1.0, 1.0, options=("ü" * 2000,) * 20) for n in range(50)]
    value = spamd_result(long, 1.0, 15.0, rejected=False)
    assert len(value) < 80_000
    assert max(len(line) for line in value.split("\n")) <= 900 + MAX_OPTION
    assert len(parse_spamd_result(value).symbols) == 50


def test_a_symbols_name_cannot_begin_a_header_of_its_own() -> None:
    evil = SymbolResult("A\r\nX-Spam: No\n", 1.0, 1.0)
    assert "A??X-Spam: No?(1.00)[]" in spamd_result([evil], 1.0, 15.0, rejected=False)
