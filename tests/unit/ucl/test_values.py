"""Values: numbers with suffixes, booleans, strings and their escapes, heredocs, variables."""

from __future__ import annotations

import math

import pytest

from filter_engine.ucl import UclError, UclScalar, parse, to_python
from filter_engine.ucl.scalars import unescape, unescape_single


def _one(text: str) -> UclScalar:
    node = parse(f"key = {text};").get("key")
    assert isinstance(node, UclScalar)
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("0x1F", 31),
        ("-0xdeadbeef", -3735928559),
        ("1.5", 1.5),
        ("-1e-10", -1e-10),
        ("1k", 1000),
        ("1K", 1000),
        ("1kb", 1024),
        ("5M", 5_000_000),
        ("5mb", 5 * 1024**2),
        ("2g", 2_000_000_000),
        ("2gb", 2 * 1024**3),
        ("1.5k", 1500.0),
        ("1.5kb", 1536),
        ("10ms", 0.01),
        ("10mS", 0.01),
        ("3s", 3.0),
        ("0.5s", 0.5),
        ("5min", 300.0),
        ("2h", 7200.0),
        ("90d", 7_776_000.0),
        ("1w", 604_800.0),
        ("10y", 315_360_000.0),
        ("10s ", 10.0),
        ("9223372036854775807", 2**63 - 1),
        ("inf", math.inf),
        ("true", True),
        ("Yes", True),
        ("ON", True),
        ("false", False),
        ("no", False),
        ("off", False),
        ("null", None),
    ],
)
def test_word_with_a_meaning(text: str, value: object) -> None:
    found = _one(text)
    assert found.value == value
    assert type(found.value) is type(value)
    assert found.text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/8",
        "127.0.0.1",
        "111some",
        "0xreadbeef",
        "0xdeadbeef.1",
        "1.2.3",
        "5minutes",
        "1kk",
        "Null",
        "truely",
        "/some/path",
        "2001:db8::/32",
        "some[]value",
        "http://pkg/${ABI}/latest",
        "a b c",
    ],
)
def test_word_without_a_meaning_is_a_string(text: str) -> None:
    found = _one(text)
    assert found.value == text
    assert found.style == found.text == ""


@pytest.mark.parametrize("text", ["9223372036854775808", "10000000000000000gb", "1e400"])
def test_number_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(UclError, match="out of range"):
        _one(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\nb\tc\\d\"e\/"', 'a\nb\tc\\d"e/'),
        (r'"\u03B4\u00e4"', "δä"),
        (r'"\ud83d\ude00 \ud83d x \ude00"', "\U0001f600 \ufffd x \ufffd"),
        (r'"\d+"', "d+"),
        ('""', ""),
        (r"'b\n\'a'", r"b\n'a"),
        ("'one\\\ntwo'", "onetwo"),
        ("'one\ntwo'", "one\ntwo"),
        ("'$ABI'", "$ABI"),
        (r"back\slash", "backslash"),
    ],
)
def test_quoted_strings(text: str, value: str) -> None:
    assert _one(text).value == value


def test_a_backslash_at_the_very_end_stays() -> None:
    assert unescape("end\\") == "end\\"
    assert unescape_single("end\\") == "end\\"
    assert to_python(parse("key value\\")) == {"key": "value\\"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<<EOD\none\n  two # no comment\nEOD\n", "one\n  two # no comment"),
        ("<<X\n EOD\nEODX\nX ;\nX", " EOD\nEODX\nX ;"),
        ("<<EOD\nEOD\n", ""),
        ("<<EOD\n\nEOD\n", ""),
        ("<<EOD\na\n\nEOD,", "a\n"),
        ("<<lower", "<<lower"),
    ],
)
def test_heredoc(text: str, value: str) -> None:
    assert to_python(parse(f"key = {text}")) == {"key": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"$ABItest"', "unknowntest"),
        ('"${ABI}$ABI"', "unknownunknown"),
        ('"${$ABI}"', "${unknown}"),
        ('"${some}$no${}$$test"', "${some}$no${}$$test"),
        ('"$ABI$$ABI$"', "unknown$ABI$"),
        ("$ABI_LONG/x", "longer/x"),
        ("<<EOD\n$ABI\nEOD", "unknown"),
    ],
)
def test_variables(text: str, value: str) -> None:
    variables = {"ABI": "unknown", "ABI_LONG": "longer"}
    assert to_python(parse(f"key = {text}\n", variables=variables)) == {"key": value}
