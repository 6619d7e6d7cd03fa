"""Labels of charsets: senders write them, so neither length nor number may cost memory."""

from __future__ import annotations

import encodings

import pytest

from filter_engine.message import charset
from filter_engine.message.charset import codec_name


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),
        (' "Windows-1252" ', "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("ISO_8859-15", "iso8859-15"),
        ("KOI8-U", "koi8-u"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("GB2312", "gb18030"),
        ("big5-hkscs", "big5hkscs"),
        ("rot13", None),
        ("base64", None),
        ("no-such-charset", None),
        ("", None),
    ],
)
def test_codec_of_a_label(label: str, codec: str | None) -> None:
    assert codec_name(label) == codec


def test_unknown_labels_leave_nothing_behind() -> None:
    """Python keeps every name that it was asked for, known or not."""
    codec_name("utf-8")
    held = set(encodings._cache)  # type: ignore[attr-defined]
    for number in range(500):
        assert codec_name(f"x-stranger-{number}") is None
    assert set(encodings._cache) == held  # type: ignore[attr-defined]


def test_long_labels_are_not_kept() -> None:
    charset._codec_name.cache_clear()
    assert codec_name("x" * 30_000) is None
    assert charset._codec_name.cache_info().currsize == 0
