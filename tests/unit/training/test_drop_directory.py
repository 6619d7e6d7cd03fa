"""Drop directories: what is complete, what is refused, what is deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from filter_engine.training.drop_directory import KEPT_SECONDS, SETTLED, DropDirectory, Dropped
from lessons import SPAM, lesson

MAIL = lesson(SPAM)
LIMIT = 1000


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plain(tmp_path: Path, clock: Clock) -> DropDirectory:
    return DropDirectory(tmp_path, spam=True, limit=LIMIT, clock=clock)


@pytest.fixture
def maildir(tmp_path: Path, clock: Clock) -> DropDirectory:
    (tmp_path / "new").mkdir()
    return DropDirectory(tmp_path, spam=True, limit=LIMIT, clock=clock)


def write(path: Path, clock: Clock, data: bytes = MAIL) -> None:
    path.write_bytes(data)
    os.utime(path, (clock.now, clock.now))


def names(directory: DropDirectory) -> list[str]:
    return [name for name, found in directory.look() if isinstance(found, Dropped)]


def problems(directory: DropDirectory) -> dict[str, str]:
    return {n: str(found) for n, found in directory.look() if not isinstance(found, Dropped)}


def test_a_file_that_is_being_written_waits(
    plain: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "1", clock)
    assert names(plain) == []
    clock.now += SETTLED - 0.1
    assert names(plain) == []
    write(tmp_path / "1", clock, MAIL + b"more")  # it was not complete
    clock.now += SETTLED - 0.1
    assert names(plain) == []
    clock.now += 0.2
    assert [f.raw for _, f in plain.look() if isinstance(f, Dropped)] == [MAIL + b"more"]


def test_a_new_file_of_an_old_date_is_looked_at_twice(
    plain: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "1", clock)
    clock.now += 3600  # cp -p
    assert names(plain) == []
    assert names(plain) == ["1"]


def test_a_date_to_come_does_not_wait_for_it(
    plain: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "1", clock)
    clock.now -= 3600
    assert names(plain) == []
    assert names(plain) == ["1"]


def test_what_is_moved_into_a_maildir_is_complete(
    maildir: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "new" / "1", clock)
    write(tmp_path / "2", clock)
    write(tmp_path / "new" / ".3", clock)
    assert names(maildir) == ["1"]


def test_what_was_learnt_is_deleted_and_nothing_else(
    maildir: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "new" / "1", clock)
    write(tmp_path / "new" / "2", clock)
    one, two = (f for _, f in maildir.look() if isinstance(f, Dropped))
    write(tmp_path / "new" / "other", clock, MAIL * 2)
    (tmp_path / "new" / "other").rename(tmp_path / "new" / "2")  # another mail of that name
    assert (maildir.remove(one), maildir.remove(two), maildir.remove(one)) == ("", "", "")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["2"]
    assert names(maildir) == ["2"]


def test_links_pipes_and_what_is_no_mail_are_told_once_and_kept(
    maildir: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    new = tmp_path / "new"
    clock.now = time.time()  # the file system's own times count
    write(tmp_path / "secret", clock)
    (new / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(new / "pipe")
    (new / "folder").mkdir()
    write(new / "large", clock, MAIL + b"x" * LIMIT)
    write(new / "\x1b[31m\udcff\n", clock, b"no header\n")
    told = problems(maildir)
    assert told == {
        "link": "a symbolic link",
        "pipe": "no regular file",
        "large": f"larger than {LIMIT} octets (max_message)",
        "\x1b[31m\udcff\n": "no message: its first line is no header field",
    }
    assert problems(maildir) == {}
    assert [path.name for path in new.iterdir()] == ["folder"], "what waits is mail"
    assert {path.name for path in (tmp_path / "cur").iterdir()} == set(told)
    assert (tmp_path / "cur/link").is_symlink()


def test_in_a_plain_directory_what_is_no_mail_stays(
    plain: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "1", clock, b"no header\n")
    clock.now += SETTLED
    assert problems(plain) == {}
    assert list(problems(plain)) == ["1"]
    assert problems(plain) == {}
    assert (tmp_path / "1").exists()
    write(tmp_path / "1", clock)  # somebody mended it
    clock.now += SETTLED
    assert names(plain) == []
    assert names(plain) == ["1"]


def test_mail_that_is_kept_leaves_new(maildir: DropDirectory, tmp_path: Path, clock: Clock) -> None:
    write(tmp_path / "new" / "1", clock)
    for _, found in maildir.look():
        assert isinstance(found, Dropped)
        maildir.keep(found)
    assert (tmp_path / "cur/1").read_bytes() == MAIL
    assert names(maildir) == []


def test_what_is_kept_is_bounded_by_number_and_age(
    maildir: DropDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr("filter_engine.training.drop_directory.KEPT", 3)
    clock.now = time.time()  # the file system's own times count
    for number in range(5):
        write(tmp_path / "new" / f"{number}", clock, b"no header\n")
        assert list(problems(maildir)) == [f"{number}"]
    assert problems(maildir) == {}
    assert len(list((tmp_path / "cur").iterdir())) == 3
    clock.now += KEPT_SECONDS + 3600
    assert problems(maildir) == {}
    assert list((tmp_path / "cur").iterdir()) == []


def test_a_directory_that_is_not_there_yet(tmp_path: Path, clock: Clock) -> None:
    directory = DropDirectory(tmp_path / "later", spam=True, limit=LIMIT, clock=clock)
    assert names(directory) == []
    assert directory.problem == "No such file or directory"
    (tmp_path / "later" / "new").mkdir(parents=True)
    write(tmp_path / "later" / "new" / "1", clock)
    assert names(directory) == ["1"]
    assert directory.problem == ""


def test_the_directory_itself_is_no_link_for_mail_to_be_fetched_by(
    tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "private" / "new").mkdir(parents=True)
    write(tmp_path / "private" / "new" / "1", clock)
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "new").symlink_to(tmp_path / "private" / "new")
    directory = DropDirectory(drop, spam=True, limit=LIMIT, clock=clock)
    assert names(directory) == []
    assert (tmp_path / "private" / "new" / "1").exists()


def test_the_name_says_whose_mail_it_is(
    maildir: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    write(tmp_path / "new" / "17.1.host,R=alice%40example.net", clock)
    write(tmp_path / "new" / "17.2.host,R=%ff%0a,S=12", clock)
    write(tmp_path / "new" / "17.3.host", clock)
    users = [f.user for _, f in maildir.look() if isinstance(f, Dropped)]
    assert users == ["alice@example.net", "\ufffd\n", ""]


def test_one_look_reads_a_bounded_number(
    maildir: DropDirectory, tmp_path: Path, clock: Clock
) -> None:
    for number in range(150):
        write(tmp_path / "new" / f"{number:03}", clock)
    assert len(names(maildir)) == 100
