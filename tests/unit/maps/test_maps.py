"""Maps of every kind, from the configuration and from files."""

from __future__ import annotations

import gzip
import logging
import os
from ipaddress import ip_address
from pathlib import Path

import pytest
import zstandard

from filter_engine.maps import Maps


def test_words_ignore_case_and_have_values_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "domains.map"
    file.write_text('# mine\nExample.com\nexample.net both:1.0 # really\n"two words"\tx\n')
    domains = Maps().of(str(file), "hash", "test")
    assert domains.get("EXAMPLE.com") == ""
    assert domains.get("example.net") == "both:1.0"
    assert domains.get("two words") == "x"
    assert domains.get("example.org") is None
    hit = domains.find("example.net")
    assert hit is not None
    assert hit.where == f"{file}:3"


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("10.1.2.3", "inner"),
        ("10.9.0.1", "outer"),
        ("::ffff:10.9.0.1", "outer"),
        ("192.0.2.1", "one"),
        ("192.0.2.2", None),
        ("2001:db8::5", "six"),
        ("::1", "loop"),
        ("nonsense", None),
    ],
)
def test_the_longest_network_counts(address: str, value: str | None) -> None:
    networks = Maps().of(
        (
            "10.0.0.0/8 outer",
            "10.1.0.0/16 inner",
            "192.0.2.1 one",
            "2001:db8::/32 six",
            "[::1]/128 loop",
        ),
        "radix",
        "test",
    )
    assert networks.get(address) == value
    if value is not None:
        assert ip_address(address) in networks


def test_patterns_count_in_the_order_of_the_map() -> None:
    patterns = Maps().of([r"/^a.b/i first", "/b c$/ second", "plain.*x"], "regexp", "test")
    assert patterns.get("A-b c") == "first"
    assert [hit.value for hit in patterns.find_all("a-b c")] == ["first", "second"]
    assert patterns.get("plainly x") == ""
    assert patterns.get("zzz") is None


def test_shell_patterns_take_the_whole_key() -> None:
    globs = Maps().of(["t.co", "*.bit.ly yes", "a?c"], "glob", "test")
    assert globs.get("t.co") == ""
    assert globs.get("walmart.com") is None
    assert globs.get("x.bit.ly") == "yes"
    assert "abc" in globs
    assert "abbc" not in globs


def test_a_prefix_says_what_the_entries_are(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("/^x/\n/y$/\n")
    found = Maps().of(f"regexp_multi;{file}", "hash", "test")
    assert found.multi
    assert len(list(found.find_all("x y"))) == 2


def test_a_fallback_counts_while_nothing_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "fallback").write_text("old\n")
    maps = Maps()
    words = maps.of([f"{tmp_path}/main", f"fallback+file://{tmp_path}/fallback"], "set", "test")
    assert "old" in words
    (tmp_path / "main").write_text("new\n")
    maps.look()
    assert "new" in words
    assert "old" not in words


def test_a_changed_file_is_read_and_a_lost_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "words"
    file.write_text("one\n")
    maps = Maps()
    words = maps.of(str(file), "set", "test")
    changes: list[int] = []
    words.on_change(lambda: changes.append(len(words)))
    maps.look()
    assert changes == []
    (tmp_path / "new").write_text("two\nthree\n")
    os.replace(tmp_path / "new", file)
    maps.look()
    assert changes == [2]
    assert "two" in words
    assert "one" not in words
    file.unlink()
    with caplog.at_level(logging.ERROR):
        maps.look()
        maps.look()
    assert "two" in words
    assert [str(file) in record.getMessage() for record in caplog.records] == [True]


def test_a_missing_file_is_an_empty_map_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = Maps().of(f"{tmp_path}/none", "set", "multimap.X")
    assert not words
    assert words.get("a") is None
    assert f"multimap.X: map {tmp_path}/none: No such file" in caplog.text


def test_a_line_that_is_no_entry_is_told_with_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "networks"
    file.write_text("10.0.0.0/8\n10.0.0.0/99\n")
    networks = Maps().of(str(file), "radix", "test")
    assert "10.1.1.1" in networks
    assert f"{file}:2: '10.0.0.0/99' is no address or network" in caplog.text


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_files(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    (tmp_path / "x").write_bytes(pack(b"word value\n"))
    assert Maps().of(f"{tmp_path}/x", "hash", "test").get("word") == "value"


def test_two_maps_of_one_file_share_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a\n")
    maps = Maps()
    first, second = (maps.of(f"{tmp_path}/x", "set", name) for name in ("one", "two"))
    (tmp_path / "x").write_text("ab\n")
    maps.look()
    assert "ab" in first
    assert "ab" in second


@pytest.mark.parametrize("padding", [b"", b"\0" * 512])
def test_a_gzip_file_of_several_members_is_read_whole(padding: bytes, tmp_path: Path) -> None:
    file = tmp_path / "words.gz"
    file.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + padding)
    words = Maps().of(str(file), "set", "test")
    assert "one" in words
    assert "two" in words


def test_a_cut_gzip_file_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "words.gz"
    file.write_bytes(gzip.compress(b"".join(b"%d\n" % n for n in range(5000)))[:-20])
    assert not Maps().of(str(file), "set", "test")
    assert "the file ends within a member" in caplog.text


def test_many_tiny_gzip_members_are_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "words.gz"
    file.write_bytes(gzip.compress(b"a\n") * 1001)
    assert not Maps().of(str(file), "set", "test")
    assert "more than 1000 members" in caplog.text
