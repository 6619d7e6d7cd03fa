"""Storages of fuzzy hashes learn what classifiers learn: a real storage on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.configtest import configtest
from filter_engine.cli.fuzzy import fuzzy
from filter_engine.cli.learn import learn, unlearn
from fuzzy_storage import Storage

NO_DNS = 'options { dns { nameserver = "127.0.0.1:9"; } }\n'
ALONE = "classifier { backend = sqlite; min_learns = 1; }\n"
RULE = """
fuzzy_check {{
  rule "local" {{
    servers = "127.0.0.1:{port}"; algorithm = "mumhash"; mime_types = ["*"]; min_bytes = 100;
    timeout = 5s; retransmits = 0; {more}
    fuzzy_map {{
      FUZZY_DENIED {{ flag = 1; learn = spam; }}
      FUZZY_PROB {{ flag = 2; }}
      FUZZY_WHITE {{ flag = 3; {white} }}
    }}
  }}
}}
"""


def mail(text: str) -> bytes:
    words = " ".join(f"{text}{number}" for number in range(120))
    return f"From: a@example.com\nSubject: {text}\nMessage-ID: <{text}@x>\n\n{words}\n".encode()


class Site:
    """A classifier of its own, and a storage."""

    def __init__(self, folder: Path, port: int, more: str = "", white: str = "") -> None:
        self.folder = folder
        config = folder / "site.conf"
        config.write_text(NO_DNS + ALONE + RULE.format(port=port, more=more, white=white))
        self.options = ["-c", str(config), "--var", f"DBDIR={folder}"]

    def run(self, command: Any, *words: str) -> Result:
        return CliRunner().invoke(command, [*words, *self.options])

    def mail(self, name: str, text: str = "") -> str:
        path = self.folder / name
        path.write_bytes(mail(text or name))
        return str(path)

    def known(self, path: str) -> str:
        """What the storage says of a mail: its list and weight."""
        said = self.run(fuzzy, "check", path).stdout
        return said.partition("known, ")[2].partition(", prob")[0] if ", list" in said else ""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    one = Storage(
        f'backend = sqlite; hashfile = "{tmp_path}/fuzzy.sqlite"; expire = 90d;'
        ' allow_update = ["127.0.0.1"];'
    )
    yield one
    one.close()


def test_spam_is_known_counts_once_and_ham_takes_it_out(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(learn, "spam", path).stdout == f"{path}: learned\n"
    assert site.known(path) == "list 1, weight 10"
    assert site.run(learn, "spam", path).stdout == f"{path}: known\n"
    assert site.known(path) == "list 1, weight 10"
    assert site.run(learn, "ham", path).stdout == f"{path}: relearned\n"
    assert site.known(path) == ""


def test_a_near_duplicate_is_known_too(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    assert site.run(learn, "spam", site.mail("one")).exit_code == 0
    near = tmp_path / "near"
    near.write_bytes(mail("one").replace(b"one60 one61", b"other words"))
    said = site.run(fuzzy, "check", str(near)).stdout
    assert "list 1, weight 10, probability 0." in said


def test_what_is_taken_back_is_forgotten(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(learn, "spam", path).exit_code == 0
    assert site.run(unlearn, "spam", path).stdout == f"{path}: unlearned\n"
    assert site.known(path) == ""


def test_lists_that_do_not_learn_are_left_alone(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(fuzzy, "add", "-f", "2", "-w", "7", path).exit_code == 0
    assert site.run(learn, "ham", path).exit_code == 0
    assert site.known(path) == "list 2, weight 7"
    assert site.run(unlearn, "ham", path).exit_code == 0
    assert site.known(path) == "list 2, weight 7"


def test_a_list_for_ham(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port, white="learn = ham; learn_weight = 2;")
    path = site.mail("one")
    assert site.run(learn, "spam", path).exit_code == 0
    assert site.run(learn, "ham", path).exit_code == 0
    assert site.known(path) == "list 3, weight 2"
    assert site.run(learn, "spam", path).exit_code == 0
    assert site.known(path) == "list 1, weight 10"


def test_a_storage_that_takes_nothing_fails_the_lesson_which_may_come_again(
    tmp_path: Path, storage: Storage
) -> None:
    away = Site(tmp_path, 9, "timeout = 0.2s;")
    path = away.mail("one")
    done = away.run(learn, "spam", path)
    assert done.exit_code == 1
    assert "fuzzy_check.rule 'local'" in done.stderr
    # Bayes had learnt it: the next attempt is for the storage.
    site = Site(tmp_path, storage.port)
    assert site.run(learn, "spam", path).stdout == f"{path}: known\n"
    assert site.known(path) == "list 1, weight 10"


def test_who_may_not_change_a_storage_is_told(tmp_path: Path) -> None:
    closed = Storage(f'backend = sqlite; hashfile = "{tmp_path}/fuzzy.sqlite"; allow_update = [];')
    try:
        site = Site(tmp_path, closed.port)
        done = site.run(learn, "spam", site.mail("one"))
        assert done.exit_code == 1
        assert "takes no changes from this host" in done.stderr
    finally:
        closed.close()


def test_a_rule_that_is_read_only_and_a_corpus_teach_no_hashes(
    tmp_path: Path, storage: Storage
) -> None:
    path = Site(tmp_path, storage.port).mail("one")
    only = Site(tmp_path, storage.port, "read_only = true;")
    assert only.run(learn, "spam", path).exit_code == 0
    assert only.known(path) == ""
    site = Site(tmp_path, storage.port)
    (tmp_path / "spam").mkdir()
    (tmp_path / "spam" / "2").write_bytes(mail("two"))
    assert site.run(learn, "corpus", str(tmp_path / "spam")).exit_code == 0
    assert site.known(str(tmp_path / "spam" / "2")) == ""


def test_two_lists_of_one_class_are_told(tmp_path: Path) -> None:
    site = Site(tmp_path, 9, white="learn = spam;")
    said = site.run(configtest).output
    assert "two lists learn the same class" in said
