"""Pipes, devices and endless files are refused at once; wildcards look at so many files only."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from filter_engine.ucl import Limits, UclError, parse_file, to_python
from filter_engine.ucl.regular_file import read_regular_file

# Each of these tests would hang, not fail, if a file were opened as usual.


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_regular_file(tmp_path / "pipe", 100)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/null"])
def test_no_device(device: str) -> None:
    with pytest.raises(OSError, match=r"not a regular file|No such"):
        read_regular_file(device, 100)


def test_a_file_that_says_it_is_empty_and_is_not(tmp_path: Path) -> None:
    assert len(read_regular_file("/proc/self/status", 100_000)) > 100
    with pytest.raises(OSError, match="larger than 10 bytes") as caught:
        read_regular_file("/proc/self/status", 10)
    assert caught.value.errno == errno.EFBIG


def test_size_is_bounded_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert read_regular_file(tmp_path / "f", 100) == b"x" * 100
    with pytest.raises(OSError, match="larger than 99 bytes"):
        read_regular_file(tmp_path / "f", 99)


@pytest.mark.parametrize("arguments", ["", "(try=true)"])
def test_includes_of_what_would_wait(tmp_path: Path, arguments: str) -> None:
    os.mkfifo(tmp_path / "pipe.conf")
    main = tmp_path / "main.conf"
    for path, complaint in (
        ("$CURDIR/pipe.conf", "not a regular file"),
        ("/proc/kmsg", "cannot (read|find)"),
    ):
        main.write_text(f'\n.include{arguments} "{path}"')
        with pytest.raises(UclError, match=complaint) as caught:
            parse_file(main)
        assert caught.value.line == 2


@pytest.mark.parametrize(
    "pattern", ["/*/*/*/*/*/*/*", "/proc/*/*/*/nothing?", "/proc/*/../*/../*/x*"]
)
def test_a_wildcard_does_not_walk_the_machine(tmp_path: Path, pattern: str) -> None:
    main = tmp_path / "main.conf"
    main.write_text(f'.include(glob=true,try=true) "{pattern}"')
    with pytest.raises(UclError, match="wildcards look at more than 500 files"):
        parse_file(main, limits=Limits(entries=500))


def test_wildcards_in_directories_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b/one.conf", "a/one.conf", "a/.one.conf", "a/two.conf", ".c/one.conf", "a/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'x = "{name}"')
    main = tmp_path / "main.conf"
    main.write_text(
        '.include(glob=true) "$CURDIR/*/one.conf"\n'
        '.include(glob=true) "$CURDIR/a/tw?.conf"\n'
        '.include(glob=true) "$CURDIR/a/.*.conf"\n'
    )
    found = to_python(parse_file(main).root)
    assert found == {"x": ["a/one.conf", "b/one.conf", "a/two.conf", "a/.one.conf"]}
