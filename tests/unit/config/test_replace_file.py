"""Replacing a file safely."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from filter_engine.config.replace_file import remove_file, replace_file


def test_mode_of_the_old_file_is_kept_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, b"1", 0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    replace_file(path, b"2", 0o640)
    state = path.stat()
    assert (path.read_bytes(), stat.S_IMODE(state.st_mode)) == (b"2", 0o604)
    assert list(tmp_path.iterdir()) == [path]
    remove_file(path)
    remove_file(path)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    (path / "file").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"1", 0o640)
    assert list(tmp_path.iterdir()) == [path]
