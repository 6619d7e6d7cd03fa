"""Records of strangers are kept for the next mail only while they are short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from filter_engine.auth import dkim_key, dmarc_record, spf_record

KEY = b"p=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=; k=ed25519; n="


@pytest.mark.parametrize(
    ("parse", "kept", "record"),
    [
        (dkim_key.parse_key_record, dkim_key._parse, KEY),
        (dmarc_record.parse_record, dmarc_record._parse, b"v=DMARC1; p=none; x="),
        (spf_record.parse_record, spf_record._parse, b"v=spf1 x="),
    ],
    ids=["dkim", "dmarc", "spf"],
)
def test_long_records_are_read_and_not_kept(
    parse: Callable[[bytes], Any], kept: Any, record: bytes
) -> None:
    kept.cache_clear()
    for number in range(3):
        parse(record + b"%d" % number + b"a" * 1024)
    assert kept.cache_info().currsize == 0
    assert parse(record + b"1") is parse(record + b"1")
    assert kept.cache_info().currsize == 1
