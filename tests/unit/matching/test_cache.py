"""Compiled databases are kept on disk, and a file that cannot be trusted is not used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filter_engine.matching import DatabaseCache, PatternSet, parse_slashed, pattern_set
from filter_engine.matching.compiler import IN_PROCESS
from filter_engine.matching.database import Compiled

pytest.importorskip("hyperscan")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests compiled is forgotten."""
    monkeypatch.setattr(pattern_set, "_recent", {})


PATTERNS = [parse_slashed(f"/word{number}\\b/") for number in range(5)]


def kept(directory: Path) -> list[Path]:
    return sorted((directory / "hyperscan").glob("*.hs"))


def compiled(directory: Path) -> PatternSet:
    return PatternSet.compile(PATTERNS, name="test", cache=DatabaseCache.below(str(directory)))


def forget() -> None:
    pattern_set._recent.clear()


def works(patterns: PatternSet) -> bool:
    return patterns.matches(b"a word3 here") == [3]


def forbid_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Compiled:
        raise AssertionError("compiled again")

    monkeypatch.setattr(pattern_set, "compile_patterns", refuse)


def test_a_database_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert works(compiled(tmp_path))
    (file,) = kept(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    forget()
    forbid_compiling(monkeypatch)
    assert works(compiled(tmp_path))


def test_other_patterns_are_another_file(tmp_path: Path) -> None:
    compiled(tmp_path)
    cache = DatabaseCache.below(str(tmp_path))
    PatternSet.compile(PATTERNS[:4], name="test", cache=cache)
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["truncate", "flip", "magic", "mode", "link"])
def test_a_file_that_cannot_be_trusted_is_compiled_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiled(tmp_path)
    (file,) = kept(tmp_path)
    data = file.read_bytes()
    if damage == "truncate":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "magic":
        file.write_bytes(b"x" + data)
    elif damage == "mode":
        file.chmod(0o622)
    else:
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    forget()
    assert works(compiled(tmp_path))
    if damage != "link":
        assert any("compiled anew" in record.message for record in caplog.records)
    assert file.read_bytes() == data
    assert not file.is_symlink()


def test_a_directory_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hyperscan").write_text("a file in the way")
    cache = DatabaseCache.below(str(tmp_path))
    for count in (4, 5):
        PatternSet.compile(PATTERNS[:count], name="test", cache=cache)
    assert sum("cannot be kept" in record.message for record in caplog.records) == 1


def test_old_files_are_removed(tmp_path: Path) -> None:
    compiled(tmp_path)
    (old,) = kept(tmp_path)
    os.utime(old, (1.0, 1.0))
    cache = DatabaseCache.below(str(tmp_path))
    PatternSet.compile(PATTERNS[:4], name="test", cache=cache)
    assert old not in kept(tmp_path)


def test_many_patterns_are_compiled_in_a_process_of_their_own(tmp_path: Path) -> None:
    many = [parse_slashed(f"/many{number}x(?=y)/") for number in range(IN_PROCESS + 1)]
    patterns = PatternSet.compile(many, name="test", cache=DatabaseCache.below(str(tmp_path)))
    assert patterns.matches(b"many7xy many8xz") == [7]
    assert patterns.compiled.octets


def test_without_hyperscan_patterns_are_matched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_set, "hyperscan", lambda: None)
    patterns = PatternSet.compile(PATTERNS, name="test")
    assert not patterns.compiled.octets
    assert works(patterns)
