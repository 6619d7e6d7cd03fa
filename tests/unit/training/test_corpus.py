"""Collections of mail: what is found, of which class, what is left out."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path

import pytest

from filter_engine.training.corpus import Found, class_of, messages, sources
from lessons import HAM, SPAM, lesson

LIMIT = 10_000


def found(top: Path, spam: bool | None = None, limit: int = LIMIT) -> list[Found]:
    return [one for source in sources(top, spam) for one in messages(source, limit)]


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "spam"),
    [
        ("spam", True),
        ("spam_2", True),
        (".Junk", True),
        ("20021010_easy_ham", False),
        ("hard-ham", False),
        ("not-spam", False),
        ("nonspam", False),
        ("hamburg", None),
        ("cur", None),
        ("spammers", None),
    ],
)
def test_a_name_says_the_class_by_whole_words(name: str, spam: bool | None) -> None:
    assert class_of(name) is spam


def test_the_innermost_name_counts(tmp_path: Path) -> None:
    top = tmp_path / "spam-and-more"
    write(top / "2026" / "1.eml", lesson(SPAM))
    write(top / "easy_ham" / "1.eml", lesson(HAM))
    write(top / "easy_ham" / ".hidden", lesson(HAM))
    kinds = {Path(one.path).parent.name: one.spam for one in found(top)}
    assert kinds == {"2026": True, "easy_ham": False}
    assert {one.spam for one in found(top, spam=True)} == {True}


def test_a_maildir_with_its_folders_and_nothing_of_the_server(tmp_path: Path) -> None:
    top = tmp_path / "alice"
    box = mailbox.Maildir(top)
    box.add(b"Subject: no class\n\ntext\n")
    box.add_folder("Junk").add(lesson(SPAM))
    write(top / "dovecot.index.log", b"Log: binary\n")
    write(top / ".Junk" / "dovecot-uidlist", b"3 V1\n")
    write(top / ".Junk" / "tmp" / "half", b"Subject: half\n")
    assert sorted((one.spam, one.problem) for one in found(top) if one.spam) == [(True, "")]
    assert [one.spam for one in found(top)].count(None) == 1
    assert len(found(top)) == 2


def test_the_messages_of_an_mbox_without_their_separators(tmp_path: Path) -> None:
    top = tmp_path / "ham.mbox"
    box = mailbox.mbox(top)
    for number in range(3):
        box.add(lesson(HAM, number) + b"\nFrom here on nothing is a separator.\n")
    box.close()
    mails = found(top)
    assert [one.path for one in mails] == [f"{top}:{n}" for n in (1, 2, 3)]
    assert all(one.spam is False and one.raw.startswith(b"From: a") for one in mails)


def test_an_mbox_that_is_written_anew_meanwhile_ends_early(tmp_path: Path) -> None:
    """As a mail program does that deletes a message; a file that is mapped would end us."""
    top = tmp_path / "spam.mbox"
    head = b"From a@example.com Sun Nov 22 10:00:00 2026\n"
    top.write_bytes((head + lesson(SPAM) + b"\n") * 2000)
    each = messages(next(sources(top)), LIMIT)
    first = next(each)
    os.truncate(top, len(head))
    rest = list(each)
    assert (first.path, first.problem) == (f"{top}:1", "")
    assert len(rest) < 1999
    assert len({one.path for one in rest}) == len(rest)


def test_an_empty_message_in_an_mbox_is_one(tmp_path: Path) -> None:
    head = b"From a@example.com Sun Nov 22 10:00:00 2026\n"
    write(tmp_path / "ham.mbox", head + b"\n" + head + lesson(HAM))
    assert [one.problem for one in found(tmp_path / "ham.mbox")] == ["empty", ""]


def test_a_single_message_may_begin_as_in_an_mbox(tmp_path: Path) -> None:
    write(tmp_path / "spam" / "1", b"From x@example.org Thu Aug 22 12:36:23 2002\n" + lesson(SPAM))
    write(tmp_path / "spam" / "2", b"From nowhere\n" + lesson(SPAM))
    assert [one.raw for one in found(tmp_path)] == [lesson(SPAM), lesson(SPAM)]


def test_what_is_no_message_or_too_large_says_so(tmp_path: Path) -> None:
    write(tmp_path / "spam" / "cmds", b"mv 1 2\n")
    write(tmp_path / "spam" / "empty", b"")
    write(tmp_path / "spam" / "large", lesson(SPAM) + b"x" * LIMIT)
    large = b"From x Thu Aug 22 12:36:23 2002\n" + lesson(SPAM) + b"x" * LIMIT + b"\n\n"
    write(tmp_path / "spam" / "large.mbox", large + large)
    mails = found(tmp_path)
    assert all(one.raw == b"" for one in mails)
    assert [one.problem.split(" ")[0].rstrip(":") for one in mails] == [
        "no",
        "empty",
        "larger",
        "larger",
        "larger",
    ]


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "mail", lesson(SPAM))
    (tmp_path / "spam").mkdir()
    (tmp_path / "spam" / "link").symlink_to(tmp_path / "mail")
    (tmp_path / "spam" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "spam" / "pipe")
    assert found(tmp_path / "spam") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "spam").mkdir(mode=0)
    assert [one.problem for one in found(tmp_path)] == ["Permission denied"]
