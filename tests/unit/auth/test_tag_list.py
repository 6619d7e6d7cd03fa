"""Lists of tags, beside dkimpy's reading of them."""

from __future__ import annotations

import pytest
from dkim.util import InvalidTagValueList, parse_tag_value
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.auth.tag_list import TagListError, parse_tags


def test_tags_are_read() -> None:
    assert parse_tags(b" v=1; a = rsa-sha256 ;b=x=y=;\r\n\th=from : to; ") == {
        b"v": b"1",
        b"a": b"rsa-sha256",
        b"b": b"x=y=",
        b"h": b"from : to",
    }
    assert parse_tags(b"") == {}


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"v=1; a=b; v=2", "'v' stands twice"),
        (b"v=1;;a=b", "'' is no tag"),
        (b"v=1; word", "' word' is no tag"),
        (b"1=v", "'1=v' is no tag"),
        (b"\xe9=v", r"'\\xe9=v' is no tag"),
    ],
)
def test_what_is_no_list_is_refused(octets: bytes, message: str) -> None:
    with pytest.raises(TagListError, match=message):
        parse_tags(octets)


@given(st.lists(st.sampled_from([b"a", b"Z", b"9", b"_", b"=", b";", b" ", b"\t\n", b"\xe9"])))
def test_dkimpy_reads_the_same(pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    try:
        expected = parse_tag_value(octets)
    except InvalidTagValueList:
        with pytest.raises(TagListError):
            parse_tags(octets)
    else:
        assert parse_tags(octets) == expected
