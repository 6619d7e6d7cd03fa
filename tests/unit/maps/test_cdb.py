"""Constant databases, made here by the published format."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.maps import Maps
from filter_engine.maps.cdb import CdbContent


def _hash(key: bytes) -> int:
    number = 5381
    for byte in key:
        number = ((number * 33) & 0xFFFFFFFF) ^ byte
    return number


def make_cdb(records: list[tuple[bytes, bytes]]) -> bytes:
    """The database of some records (cr.yp.to/cdb/cdb.txt)."""
    body = b""
    tables: list[list[tuple[int, int]]] = [[] for _ in range(256)]
    for key, value in records:
        tables[_hash(key) & 255].append((_hash(key), 2048 + len(body)))
        body += struct.pack("<II", len(key), len(value)) + key + value
    header, ends = b"", b""
    for table in tables:
        slots = [(0, 0)] * (2 * len(table))
        for number, at in table:
            place = (number >> 8) % len(slots)
            while slots[place][1]:
                place = (place + 1) % len(slots)
            slots[place] = (number, at)
        header += struct.pack("<II", 2048 + len(body) + len(ends), len(slots))
        ends += b"".join(struct.pack("<II", *slot) for slot in slots)
    return header + body + ends


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=20), max_size=40))
def test_every_record_is_found_and_no_other(records: dict[bytes, bytes]) -> None:
    content = CdbContent(make_cdb(list(records.items())))
    assert len(content) == len(records)
    for key, value in records.items():
        assert value in list(content._values(key))
    assert b"nobody has this key" not in records
    assert list(content._values(b"nobody has this key")) == []


@given(st.binary(min_size=2048, max_size=4096))
def test_rubbish_never_raises_anything_else(data: bytes) -> None:
    try:
        content = CdbContent(data)
    except ValueError:
        return
    list(content._values(b"key"))


def test_a_database_in_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.cdb").write_bytes(make_cdb([(b"example.com", b"SYM:2"), (b"b", b"")]))
    hosts = Maps().of(f"cdb://{tmp_path}/x.cdb", "hash", "test")
    assert hosts.get("Example.COM") == "SYM:2"
    assert hosts.get("b") == ""
    assert hosts.get("c") is None
    (tmp_path / "y.cdb").write_bytes(b"no")
    assert not Maps().of(f"cdb;{tmp_path}/y.cdb", "hash", "test")
    assert "too short for a CDB" in caplog.text


def test_a_database_that_is_cut_in_place_still_answers(tmp_path: Path) -> None:
    file = tmp_path / "x.cdb"
    file.write_bytes(make_cdb([(b"key%d" % n, b"v" * 50) for n in range(500)]))
    hosts = Maps().of(f"cdb://{file}", "hash", "test")
    file.open("wb").close()
    assert hosts.get("key499") == "v" * 50
