"""Documents of expected records: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filter_engine.zone.document import MAX_SIZE, DocumentError, read_document

from .conftest import record


def test_a_long_text_is_cut_into_strings_that_join_again(written: Callable[..., Path]) -> None:
    (read,) = read_document(written(record("x.example.net", "txt", 'a"\\b' * 200))).records
    assert "".join(read.strings) == 'a"\\b' * 200
    assert [len(string) for string in read.strings] == [255, 255, 255, 35]
    assert read.type == "TXT"


def test_only_of_some_domains(written: Callable[..., Path]) -> None:
    path = written(
        record("a.example.net", "A", "192.0.2.1"),
        record("a.example.org", "A", "192.0.2.1", domain="example.org"),
        mta_sts={"example.org": "version: STSv1\r\n"},
    )
    found = read_document(path).of(["Example.net."])
    assert [one.name for one in found.records] == ["a.example.net"]
    assert found.mta_sts == {}
    with pytest.raises(DocumentError, match=r"no records of nil\.example; there are: example\.net"):
        read_document(path).of(["nil.example"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", ":1: not JSON"),
        ([], 'not an object; expected {"format": 1, "records"'),
        ({"records": []}, "format is missing"),
        ({"format": 2}, "format 2 is not known; this program reads 1"),
        ({"format": 2, "records": []}, "format 2 is not known; this program reads 1"),
        ({"format": 1}, "records is missing, or no list"),
        ({"format": 1, "records": [record("a.b", "MX", "mx.b.")]}, "MX needs a preference and a"),
        ({"format": 1, "records": [record("a.b", "TLSA", "x")]}, "TLSA needs usage, selector"),
        ({"format": 1, "records": [record("a.b", "A", "192.0.2.1", ttl=None)]}, "ttl is missing"),
        ({"format": 1, "records": [{}]}, "record 1: name, type and value"),
        ({"format": 1, "records": [record("a.b", "A", "x")]}, r"record 1 \(a.b A\): "),
        (
            {"format": 1, "records": [record("a..b", "A", "192.0.2.1")]},
            r"record 1 \(a..b A\): (?!A needs)",
        ),
        ({"format": 1, "records": [record("a.b", "TXT", "\u00e4")]}, r"record 1 \(a.b TXT\): "),
        ({"format": 1, "records": [record("a.b", "NIX", "x")]}, r"record 1 \(a.b NIX\): "),
        ({"format": 1, "records": [record("a.b", "A", "192.0.2.1", ttl="1")]}, "ttl is '1'"),
        ({"format": 1, "records": [record("a.b", "A", "192.0.2.1", rivals=1)]}, "rivals is"),
        ({"format": 1, "records": [], "resolvers": ["ns"]}, "resolvers: "),
        ({"format": 1, "records": [], "mta_sts": []}, "mta_sts is not an object"),
    ],
)
def test_what_cannot_be_read_is_told_with_file_and_place(
    tmp_path: Path, data: Any, words: str
) -> None:
    path = tmp_path / "records.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(DocumentError, match=words) as raised:
        read_document(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(b" " * (MAX_SIZE + 1))
    with pytest.raises(DocumentError, match="longer than"):
        read_document(path)
