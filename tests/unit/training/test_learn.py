"""``filter-engine learn`` and ``unlearn`` on a real store: what it says, what it knows then."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.exit_status import FAILED, INTERRUPTED, REFUSED
from filter_engine.cli.learn import learn, unlearn
from lessons import HAM, SPAM, lesson
from redis_server import PROGRAM, RedisServer

NO_DNS = 'options { dns { nameserver = "127.0.0.1:9"; } }\n'
ALONE = "classifier { backend = sqlite; min_learns = 1; }\n"


class Site:
    """A configuration and its store."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.config = folder / "site.conf"
        self.config.write_text(NO_DNS + config + "\n")
        self.options = ["-c", str(self.config), "--var", f"DBDIR={folder}"]

    def mail(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = self.folder / "new.eml"
        new.write_bytes(data)
        new.rename(path)  # whole: who watches the folder may look at any time
        return str(path)

    def run(self, command: Any, *words: str, stdin: bytes = b"") -> Result:
        return CliRunner().invoke(command, [*words, *self.options], input=stdin)

    def knows(self) -> dict[str, int]:
        """What the classifier knows, by a report about a message that is no lesson."""
        path = self.mail("short.eml", b"Subject: x\n\nx\n")
        done = self.run(learn, "ham", path, "--json")
        known: dict[str, int] = json.loads(done.stdout)["learnt"]["bayes"]
        return known


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, ALONE)


def test_a_directory_among_files_is_told_and_the_others_are_learnt(site: Site) -> None:
    path = site.mail("1.eml", lesson(SPAM))
    done = site.run(learn, "spam", str(site.folder), path)
    assert done.exit_code == FAILED
    assert done.stderr == f"filter-engine: cannot learn {site.folder}: no regular file\n"
    assert site.knows() == {"spam": 1, "ham": 0}


def test_a_mail_learnt_twice_counts_once_and_moves_over(site: Site) -> None:
    path = site.mail("1.eml", lesson(SPAM))
    first = site.run(learn, "spam", path)
    assert (first.exit_code, first.stdout) == (0, f"{path}: learned\n")
    assert site.run(learn, "spam", path).stdout == f"{path}: known\n"
    assert site.knows() == {"spam": 1, "ham": 0}
    assert site.run(learn, "ham", path).stdout == f"{path}: relearned\n"
    assert site.knows() == {"spam": 0, "ham": 1}
    assert site.run(unlearn, "ham", path).stdout == f"{path}: unlearned\n"
    assert site.knows() == {"spam": 0, "ham": 0}
    assert site.run(unlearn, "ham", path).stdout == f"{path}: not learnt\n"


def test_standard_input(site: Site) -> None:
    done = site.run(learn, "spam", "-", stdin=lesson(SPAM))
    assert (done.exit_code, done.stdout) == (0, "-: learned\n")
    nothing = site.run(learn, "spam", "-")
    assert nothing.exit_code == 1
    assert nothing.stderr == "filter-engine: cannot learn -: empty\n"


def test_what_cannot_be_read_is_told_and_counted_and_the_rest_learnt(site: Site) -> None:
    good = site.mail("good.eml", lesson(HAM))
    odd = site.mail("odd\x1b[0m.eml", b"GIF89a")
    done = site.run(learn, "ham", str(site.folder / "absent.eml"), odd, good, "--json")
    assert done.exit_code == 1
    assert "absent.eml: No such file or directory" in done.stderr
    assert "\x1b" not in done.stderr
    report = json.loads(done.stdout)
    assert (report["ham"], report["failed"]) == ({"unreadable": 2, "learned": 1}, 2)


def test_a_mail_above_max_message_is_not_read_whole(tmp_path: Path) -> None:
    site = Site(tmp_path, ALONE + "options { max_message = 2k; }\n")
    path = site.mail("large.eml", lesson(SPAM) + b"x" * 3000)
    done = site.run(learn, "spam", path)
    assert done.exit_code == 1
    assert "larger than 2000 octets (max_message)" in done.stderr


def test_a_corpus(site: Site) -> None:
    for number in range(40):
        site.mail(f"corpus/spam/{number}", lesson(SPAM, number))
        site.mail(f"corpus/easy_ham/{number}", lesson(HAM, number))
    site.mail("corpus/spam/cmds", b"mv 1 2\n")
    site.mail("corpus/README", b"Notes: none\n")
    corpus = str(site.folder / "corpus")
    dry = json.loads(site.run(learn, "corpus", corpus, "--dry-run", "--json").stdout)
    assert (dry["spam"], dry["dry_run"]) == ({"learned": 40, "unreadable": 1}, True)
    assert site.knows() == {"spam": 0, "ham": 0}
    done = site.run(learn, "corpus", corpus)
    assert done.exit_code == 1  # cmds
    assert done.stdout.splitlines()[1:] == [
        "  spam: 40 learned, 1 unreadable",
        "  ham: 40 learned",
        "  1 left out: no name says whether they are spam or ham",
        "  bayes knows 40 spam and 40 ham",
    ]
    again = json.loads(site.run(learn, "corpus", corpus, "--json").stdout)
    assert again["ham"] == {"known": 40}
    moved = site.run(learn, "corpus", str(site.folder / "corpus" / "spam"), "--as", "ham")
    assert "40 relearned" in moved.stdout
    assert site.knows() == {"spam": 0, "ham": 80}


def test_what_is_certain_anyway_is_learnt_only_by_force(site: Site) -> None:
    for number in range(20):
        site.mail(f"corpus/spam/{number}", lesson(SPAM, number))
        site.mail(f"corpus/ham/{number}", lesson(HAM, number))
    assert site.run(learn, "corpus", str(site.folder / "corpus")).exit_code == 0
    path = site.mail("new.eml", lesson(SPAM, 99))
    sure = site.run(learn, "spam", path)
    assert (sure.exit_code, sure.stdout) == (0, "")
    assert "already in class spam" in sure.stderr
    assert site.run(learn, "spam", path, "--force").stdout == f"{path}: learned\n"


def test_users_with_classifiers_of_their_own(tmp_path: Path) -> None:
    site = Site(tmp_path, "classifier { backend = sqlite; per_user = true; }\n")
    path = site.mail("1.eml", lesson(SPAM))
    assert "whose is it?" in site.run(learn, "spam", path).stderr
    assert site.run(learn, "spam", path, "-r", "ann@example.net").stdout.endswith(": learned\n")
    assert site.run(learn, "spam", path, "-r", "bob@example.net").stdout.endswith(": learned\n")
    assert site.run(learn, "spam", path, "-r", "ann@example.net").stdout.endswith(": known\n")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("classifier { backend = sqlite; allow_learn = false; }", "allow_learn is false"),
        ("classifier { enabled = false; }", "is off"),
    ],
)
def test_a_site_that_does_not_learn_says_why(tmp_path: Path, config: str, said: str) -> None:
    site = Site(tmp_path, config + "\n")
    done = site.run(learn, "spam", site.mail("1.eml", lesson(SPAM)))
    assert done.exit_code == 1
    assert said in done.stderr


def test_an_unknown_classifier(site: Site) -> None:
    done = site.run(learn, "spam", site.mail("1", lesson(SPAM)), "--classifier", "byes")
    assert "no classifier has the name 'byes'; known: bayes" in done.stderr


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_a_store_that_is_away_ends_a_corpus_at_once(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    site = Site(tmp_path, f'redis {{ servers = "{server.name}"; timeout = 20s; }}\n')
    for number in range(100):
        site.mail(f"corpus/spam/{number}", lesson(SPAM, number))
    away = site.run(learn, "corpus", str(site.folder / "corpus"))
    assert away.exit_code == 1
    assert "the store took no lesson: 127.0.0.1" in away.stderr
    assert "100 messages" not in away.stdout
    with server:
        done = site.run(learn, "corpus", str(site.folder / "corpus"))
        assert "100 learned" in done.stdout
        assert b"100" in server.say("HGET", "RS", "learns_spam")


def test_a_store_that_cannot_be_made_is_named_once(tmp_path: Path) -> None:
    site = Site(tmp_path, ALONE.replace("sqlite;", f'sqlite; path = "{tmp_path}/none/store";'))
    done = site.run(learn, "spam", site.mail("1.eml", lesson(SPAM)))
    assert done.exit_code == FAILED
    assert f"took no lesson: {tmp_path}/none/store: No such file or directory\n" in done.stderr


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_ctrl_c_ends_a_corpus_with_a_status_of_its_own(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        site = Site(tmp_path, f'redis {{ servers = "{server.name}"; timeout = 20s; }}\n')
        for number in range(3000):
            site.mail(f"corpus/spam/{number}", lesson(SPAM, number))
        # Whoever runs these tests in the background has it ignored.
        words = ["env", "--default-signal=INT", sys.executable, "-m", "filter_engine.cli.main"]
        with subprocess.Popen(
            [*words, "learn", "corpus", str(site.folder / "corpus"), *site.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            until(lambda: server.say("HGET", "RS", "learns_spam") != b"$-1\r\n")
            process.send_signal(signal.SIGINT)
            said, errors = process.communicate(timeout=60)
        assert process.returncode == INTERRUPTED
        assert (said, errors.strip()) == (b"", b"")


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_dropped_mail_is_learnt_deleted_and_outlives_a_store_that_is_away(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    site = Site(
        tmp_path,
        f'redis {{ servers = "{server.name}"; timeout = 20s; }}\nlogging {{ type = console; }}',
    )
    spam, ham = tmp_path / "spam" / "new", tmp_path / "ham" / "new"
    for folder in (spam, ham):
        folder.mkdir(parents=True)
    (spam / "link").symlink_to("/etc/hostname")
    log = tmp_path / "watch.log"
    words = ["learn", "watch", "--spam", str(spam.parent), "--ham", str(ham.parent)]
    with server, log.open("wb") as lines:
        program = [sys.executable, "-m", "filter_engine.cli.main", *words, *site.options]
        process = subprocess.Popen(program, stderr=lines)
        try:
            site.mail("spam/new/1", lesson(SPAM))
            until(lambda: not (spam / "1").exists())
            server.stop(hard=True)
            site.mail("ham/new/1", lesson(HAM))
            until(lambda: "took no lesson" in log.read_text())
            assert (ham / "1").exists()
            server.start()
            until(lambda: not (ham / "1").exists())
            assert b"1" in server.say("HGET", "RS", "learns_ham")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    text = log.read_text()
    assert f"{spam}/link is kept and not learnt: a symbolic link" in text
    assert text.count("symbolic link") == 1
    assert text.count("is kept: the store took no lesson") == 1
    assert (spam.parent / "cur/link").is_symlink()


@pytest.mark.parametrize("off", ["enabled = false;", "allow_learn = false;"])
def test_watching_for_no_classifier_is_not_to_be_started_again(tmp_path: Path, off: str) -> None:
    site = Site(tmp_path, f"classifier {{ backend = sqlite; {off} }}")
    done = site.run(learn, "watch", "--spam", str(tmp_path))
    assert done.exit_code == REFUSED
    assert "nothing was learnt: " in done.stderr
    path = site.mail("1.eml", lesson(SPAM))
    assert site.run(learn, "spam", path).exit_code == FAILED


def test_the_help_of_watching_names_the_status() -> None:
    assert f"Exit status {REFUSED}" in CliRunner().invoke(learn, ["watch", "--help"]).stdout
