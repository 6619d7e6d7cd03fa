"""Storages of fuzzy hashes learn what classifiers learn: a real storage on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filter_engine.cli.configtest import configtest
from filter_engine.cli.fuzzy import fuzzy
from filter_engine.cli.learn import learn, unlearn
from filter_engine.cli.loading import load_config
from filter_engine.statistics.learning import LearnStatus
from filter_engine.training.drop_directory import DropDirectory
from filter_engine.training.teacher import Teacher, chosen, teacher
from filter_engine.training.watch import Watch
from fuzzy_storage import Storage
from redis_server import PROGRAM, RedisServer

NO_DNS = 'options { dns { nameserver = "127.0.0.1:9"; } }\n'
ALLOWED = ' allow_update = ["127.0.0.1"];'
ALONE = "classifier { backend = sqlite; min_learns = 1; }\n"
RULE = """
fuzzy_check {{
  rule "local" {{
    servers = "127.0.0.1:{port}"; algorithm = "mumhash"; mime_types = ["*"]; min_bytes = 100;
    timeout = 5s; retransmits = 0; {more}
    fuzzy_map {{
      FUZZY_DENIED {{ flag = 1; }}
      LEARNT {{ flag = 4; symbol = FUZZY_DENIED; learn = spam; }}
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
        f'backend = sqlite; hashfile = "{tmp_path}/fuzzy.sqlite"; expire = 90d;' + ALLOWED
    )
    yield one
    one.close()


def test_spam_is_known_counts_once_and_ham_takes_it_out(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(learn, "spam", path).stdout == f"{path}: learned\n"
    assert site.known(path) == "list 4, weight 2"
    assert site.run(learn, "spam", path).stdout == f"{path}: known\n"
    assert site.known(path) == "list 4, weight 2"
    assert site.run(learn, "ham", path).stdout == f"{path}: relearned\n"
    assert site.known(path) == ""


def near(text: str, number: int = 60) -> bytes:
    """A mail that has most words of another, and what is its own in the header too."""
    old = f"{text}{number} {text}{number + 1}".encode()
    own = b"own%d words%d" % (number, number)
    return mail(text).replace(old, own).replace(b"@x>", b".%d@x>" % number)


def test_a_near_duplicate_is_known_too_and_lessons_add_up(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    assert site.run(learn, "spam", site.mail("one")).exit_code == 0
    like = tmp_path / "near"
    like.write_bytes(near("one"))
    assert "list 4, weight 2, probability 0." in site.run(fuzzy, "check", str(like)).stdout
    # Each of a campaign's mails that is a new lesson adds to the hash that is known.
    for number in (20, 60, 90):
        like.write_bytes(near("one", number))
        assert site.run(learn, "spam", str(like), "--force").stdout == f"{like}: learned\n"
    assert site.known(str(tmp_path / "one")) == "list 4, weight 8"
    # Each takes back its own and no more.
    for left in (6, 4, 2):
        assert site.run(unlearn, "spam", str(like)).exit_code == 0
        assert site.known(str(tmp_path / "one")) == f"list 4, weight {left}"
        like.write_bytes(near("one", {6: 20, 4: 60, 2: 1}[left]))


def test_lessons_that_are_refused_or_known_add_nothing(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    config = tmp_path / "site.conf"
    config.write_text(config.read_text().replace("min_learns", "max_tokens = 20; min_learns"))
    path = site.mail("one")
    for _ in range(3):
        assert "refused" in site.run(learn, "spam", path).stderr
        assert site.known(path) == ""


def test_what_an_administrator_put_in_stays(tmp_path: Path, storage: Storage) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(fuzzy, "add", "-f", "1", "-w", "100", path).exit_code == 0
    for kind in ("ham", "spam", "ham", "spam"):
        assert site.run(learn, kind, path, "--force").exit_code == 0
        assert site.known(path) == "list 1, weight 100"
    assert site.run(unlearn, "spam", path).stdout == f"{path}: unlearned\n"
    assert site.known(path) == "list 1, weight 100"


def test_in_a_list_of_both_lessons_take_back_their_own_weight(
    tmp_path: Path, storage: Storage
) -> None:
    site = Site(tmp_path, storage.port)
    path = site.mail("one")
    assert site.run(fuzzy, "add", "-f", "4", "-w", "10", path).exit_code == 0
    assert site.run(learn, "ham", path).stdout == f"{path}: learned\n"
    assert site.known(path) == "list 4, weight 10"
    assert site.run(learn, "spam", path).stdout == f"{path}: relearned\n"
    assert site.known(path) == "list 4, weight 12"
    assert site.run(learn, "ham", path).stdout == f"{path}: relearned\n"
    assert site.known(path) == "list 4, weight 10"


def test_texts_alone_are_taught(tmp_path: Path, storage: Storage) -> None:
    """A logo, terms in a file, a mail that is forwarded: they are in good mail as well."""
    words = {
        name: " ".join(f"{name}{number}" for number in range(120))
        for name in ("spam", "good", "terms", "forwarded")
    }
    logo = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20).decode()

    def mixed(text: str) -> bytes:
        return (
            f"From: a@example.com\nSubject: {text}\nMessage-ID: <{text}@x>\nMIME-Version: 1.0\n"
            "Content-Type: multipart/mixed; boundary=x\n\n"
            f"--x\nContent-Type: text/plain\n\n{words[text]}\n"
            f"--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n{logo}"
            "--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename=t.txt\n\n"
            f"{words['terms']}\n"
            "--x\nContent-Type: message/rfc822\n\nSubject: f\n\n" + words["forwarded"] + "\n--x--\n"
        ).encode()

    site = Site(tmp_path, storage.port)
    spam, good = tmp_path / "spam", tmp_path / "good"
    spam.write_bytes(mixed("spam"))
    good.write_bytes(mixed("good"))
    assert len(json.loads(site.run(fuzzy, "check", "--json", str(good)).stdout)) == 4
    assert site.run(learn, "spam", str(spam)).exit_code == 0
    assert site.known(str(spam)) == "list 4, weight 2"
    assert site.known(str(good)) == ""


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
    assert site.known(path) == "list 4, weight 2"


def test_a_storage_that_is_away_fails_no_lesson(tmp_path: Path) -> None:
    away = Site(tmp_path, 9, "timeout = 5s;")
    path = away.mail("one")
    done = away.run(learn, "spam", path)
    assert (done.exit_code, done.stdout) == (0, f"{path}: learned\n")
    assert "its hashes were not learnt: fuzzy_check.rule 'local'" in done.stderr


def test_who_may_not_change_a_storage_is_told(tmp_path: Path) -> None:
    closed = Storage(f'backend = sqlite; hashfile = "{tmp_path}/fuzzy.sqlite"; allow_update = [];')
    try:
        site = Site(tmp_path, closed.port)
        done = site.run(learn, "spam", site.mail("one"))
        assert done.exit_code == 0
        assert "takes no changes from this host" in done.stderr
    finally:
        closed.close()


def test_a_storage_that_is_away_keeps_no_dropped_mail_from_being_learnt(tmp_path: Path) -> None:
    Site(tmp_path, 9, "timeout = 5s;")
    config = load_config(tmp_path / "site.conf", {"DBDIR": str(tmp_path)})
    new = tmp_path / "drop" / "new"
    new.mkdir(parents=True)
    for name in ("one", "two"):
        (new / name).write_bytes(mail(name))

    async def run() -> tuple[dict[str, tuple[int, int]], int]:
        stop = asyncio.Event()
        directory = DropDirectory(tmp_path / "drop", spam=True, limit=1 << 20)
        with teacher(config, chosen(config), hashes=True) as one:
            watching = asyncio.create_task(Watch(one, [directory], stop).run())
            async with asyncio.timeout(60):
                while list(new.iterdir()):  # noqa: ASYNC110  # files tell nobody
                    await asyncio.sleep(0)
            stop.set()
            await watching
            return await one.learnt(), len(one.left)

    learnt, left = asyncio.run(run())
    assert (list(learnt.values()), left) == ([(2, 0)], 2)


def test_what_a_storage_did_not_take_is_tried_again_but_not_what_it_forbids(
    tmp_path: Path,
) -> None:
    asyncio.run(left_and_tried_again(tmp_path))


async def left_and_tried_again(tmp_path: Path) -> None:
    def taught(port: int) -> AbstractContextManager[Teacher]:
        Site(tmp_path, port, "timeout = 5s;")
        config = load_config(tmp_path / "site.conf", {"DBDIR": str(tmp_path)})
        return teacher(config, chosen(config), hashes=True)

    with taught(9) as one:
        lesson = await one.learn(mail("one"), spam=True)
        assert (lesson.status, len(one.left)) == (LearnStatus.LEARNED, 1)
        await one.again()
        assert len(one.left) == 1, "it is away still"
        left = one.left
    store = f'backend = sqlite; hashfile = "{tmp_path}/fuzzy.sqlite";'
    closed, opened = Storage(f"{store} allow_update = [];"), Storage(store + ALLOWED)
    try:
        with taught(closed.port) as one:
            lesson = await one.learn(mail("two"), spam=True)
            assert (lesson.status, len(one.left)) == (LearnStatus.LEARNED, 0)
        with taught(opened.port) as one:
            assert one.hashes is not None
            (rule,) = one.hashes.rules
            one.left.extend((step._replace(rule=rule), times) for step, times in left)
            await one.again()
            assert not one.left
        site = Site(tmp_path, opened.port)
        known = await asyncio.to_thread(site.known, site.mail("one"))
        assert known == "list 4, weight 2"
    finally:
        closed.close()
        opened.close()


@pytest.mark.skipif(PROGRAM is None, reason="no redis-server")
def test_what_may_have_been_written_is_not_sent_again(tmp_path: Path) -> None:
    """A storage whose Redis is slow: the weight would be added with each attempt."""
    asyncio.run(unsure(tmp_path))


async def unsure(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        slow = Storage(f'servers = "{redis.name}"; timeout = 500ms;' + ALLOWED)
        try:
            Site(tmp_path, slow.port)
            config = load_config(tmp_path / "site.conf", {"DBDIR": str(tmp_path)})
            with teacher(config, chosen(config), hashes=True) as one:
                await one.learn(mail("one"), spam=True)
                redis.say("CLIENT", "PAUSE", "20000", "WRITE")
                lesson = await one.learn(mail("two"), spam=True)
                redis.say("CLIENT", "UNPAUSE")
                assert lesson.status is LearnStatus.LEARNED
                assert "a change may have been made" in lesson.untaught
                assert not one.left
        finally:
            slow.close()


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
