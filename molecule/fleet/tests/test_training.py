"""What users say a mail is, by moving it, counts on every host; so does mail that is dropped."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import mail as lab_mail
from mailflow import lessons, mailbox, redis_hosts
from mailflow.remote import Remote
from mailflow.trial import Site

SPOOL = "/var/spool/mailfleet-train"
ENGINE = "/opt/filter_engine/current/bin/filter-engine"
CONFIG = ("--var", "LOCAL_CONFDIR=/etc/filter_engine", "--var", "DBDIR=/var/lib/filter_engine")
PATIENCE = 30.0


class Classroom:
    """The access server, what it has learnt, and a user who reads mail there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.lab = site.lab
        self.host = site.access_server
        self.user = f"alice@{site.domain}"
        self.login = (
            lab_mail.target_address(self.lab, self.host),
            self.user,
            site.passwords[self.user],
        )

    def run(self, *words: str, stdin: bytes = b"") -> str:
        return self.lab.ssh.run(self.host, words, stdin=stdin).stdout.decode()

    def known(self) -> tuple[int, int]:
        """Mails learnt as spam and as ham, of the whole site."""
        primary = redis_hosts.primary(self.lab, self.host, "bayes")
        words = ("hmget", "RS", "learns_spam", "learns_ham")
        spam, ham = redis_hosts.ask(self.lab, primary, "bayes", *words).splitlines()
        return int(spam or 0), int(ham or 0)

    def until_known(self, spam: int, ham: int) -> None:
        until(f"{spam} spam and {ham} ham known", lambda: self.known() == (spam, ham))

    def receive(self, topic: str, number: int, via: str) -> str:
        """A mail comes in; its Message-ID once it lies in the inbox."""
        content = lessons.mail(topic, number).encode()
        message_id = f"{topic}.{number}@plain.example"
        sent = lab_mail.send(
            self.lab, "plain", via, content, mail_from="erin@plain.example", rcpt_to=[self.user]
        )
        assert sent.verdict().code == 250, sent
        (copy,) = self.site.delivered(self.user, message_id, PATIENCE)
        assert copy.folder == "INBOX"
        return message_id

    def move(self, message_id: str, source: str, target: str) -> None:
        mailbox.move(*self.login, message_id, source, target)

    def waiting(self) -> list[str]:
        """What lies in the spool."""
        return self.run("find", SPOOL, "-type", "f").split()


def until(what: str, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def classroom(site: Site) -> Iterator[Classroom]:
    """The site has learnt enough to judge, out of a corpus; forgotten afterwards."""
    room = Classroom(site)
    try:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for number in range(lessons.MIN_LEARNS):
                for folder in (lessons.SPAM_WORDS, lessons.HAM_WORDS):
                    data = lessons.mail(folder, number).encode()
                    entry = tarfile.TarInfo(f"corpus/{folder}/{number}")
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
        room.run("tar", "-xC", "/root", stdin=packed.getvalue())
        report: dict[str, Any] = json.loads(
            room.run(ENGINE, "learn", "corpus", "/root/corpus", "--json", *CONFIG)
        )
        assert report["spam"] == report["ham"] == {"learned": lessons.MIN_LEARNS}, report
        yield room
    finally:
        room.run("rm", "-rf", "/root/corpus")
        for instance in redis_hosts.LEARNED:
            primary = redis_hosts.primary(room.lab, room.host, instance)
            redis_hosts.ask(room.lab, primary, instance, "flushall")


def test_a_mail_moved_to_junk_counts_at_both_exchangers_within_a_second(
    classroom: Classroom, site: Site
) -> None:
    topic = uuid.uuid4().hex
    probe = lessons.mail(topic, 9)
    mails = [
        classroom.receive(topic, number, site.host(f"mx{number % 2 + 1}")) for number in (0, 1)
    ]
    spam, ham = classroom.known()
    first, other = site.exchangers
    with Remote(site.lab, first, "judge.py") as here, Remote(site.lab, other, "judge.py") as there:
        for judge in (here, there):
            assert not judge.ask(text=probe)["symbols"].keys() & {"BAYES_SPAM", "FUZZY_DENIED"}
        classroom.move(mails[0], "INBOX", "Junk")
        classroom.until_known(spam + 1, ham)
        classroom.move(mails[1], "INBOX", "Junk")
        for host, judge in ((first, here), (other, there)):
            after = judge.ask(text=probe, wanted="BAYES_SPAM", patience=5.0)
            assert after["symbols"].get("BAYES_SPAM", 0) > 0, after
            assert after["took"] < 1.0
            print(f"\n{host}: BAYES_SPAM {after['took'] * 1000:.0f} ms after the move")
            # The storage of hashes learns with it: it knows the mail itself, and its like.
            for text in (lessons.mail(topic, 0), probe):
                known = judge.ask(text=text, wanted="FUZZY_DENIED", patience=5.0)
                assert known["symbols"].get("FUZZY_DENIED", 0) > 0, known
                assert known["symbols"].get("BAYES_SPAM", 0) > 0, known
                print(f"{host}: FUZZY_DENIED {known['symbols']['FUZZY_DENIED']:.1f}")
        until("both are learnt", lambda: classroom.waiting() == [])
        taught = classroom.known()[0] - spam
        weighed = judge_weights(here, there, probe=probe)
        if taught == 1:  # of one lesson alone nothing happens to anybody's mail
            assert all(score < 4.0 for score in weighed), weighed
        # Back to the inbox: what was said of them is taken back.
        for message_id in mails:
            classroom.move(message_id, "Junk", "INBOX")
        until("both were looked at", lambda: classroom.waiting() == [])
        # The classifier may be sure of the second by then, which leaves it out, and its hash too.
        spam_now, ham_now = classroom.known()
        assert (spam_now < spam + 2, ham_now > ham) == (True, True)
        if spam_now == spam:
            until("forgotten", lambda: judge_weights(here, there, probe=probe) == (0.0, 0.0))
        else:
            until(
                "weighs less",
                lambda: max(judge_weights(here, there, probe=probe)) < min(weighed),
            )


def judge_weights(*judges: Remote, probe: str) -> tuple[float, ...]:
    """The points of FUZZY_DENIED at each exchanger."""
    return tuple(
        float(judge.ask(text=probe)["symbols"].get("FUZZY_DENIED", 0.0)) for judge in judges
    )


def test_junk_thrown_away_stays_junk(classroom: Classroom, site: Site) -> None:
    topic = uuid.uuid4().hex
    thrown, marker = (classroom.receive(topic, number, site.exchangers[0]) for number in (0, 1))
    spam, ham = classroom.known()
    classroom.move(thrown, "INBOX", "Junk")
    classroom.until_known(spam + 1, ham)
    classroom.move(thrown, "Junk", "Trash")
    # Whatever the move to Trash had left would be learnt before this one.
    classroom.move(marker, "INBOX", "Junk")
    classroom.until_known(spam + 2, ham)
    assert classroom.waiting() == []


def test_a_move_stands_when_it_cannot_be_learnt(classroom: Classroom, site: Site) -> None:
    topic = uuid.uuid4().hex
    unlearnt, later = (classroom.receive(topic, number, site.exchangers[0]) for number in (0, 1))
    spam, ham = classroom.known()
    try:
        classroom.run("mv", f"{SPOOL}/spam/new", f"{SPOOL}/spam/off")
        classroom.move(unlearnt, "INBOX", "Junk")
    finally:
        classroom.run("mv", f"{SPOOL}/spam/off", f"{SPOOL}/spam/new")
    (copy,) = site.delivered(classroom.user, unlearnt, PATIENCE)
    assert copy.folder == "Junk"
    try:
        classroom.run("systemctl", "stop", "mailfleet-learn")
        classroom.move(later, "INBOX", "Junk")
        assert len(classroom.waiting()) == 1
    finally:
        classroom.run("systemctl", "start", "mailfleet-learn")
    classroom.until_known(spam + 1, ham)
    until("the spool is empty", lambda: classroom.waiting() == [])


def test_dropped_mail_is_learnt_and_deleted_and_nothing_else_is_touched(
    classroom: Classroom,
) -> None:
    topic = uuid.uuid4().hex
    spam, ham = classroom.known()
    link = f"{SPOOL}/ham/new/{topic}"
    classroom.run("ln", "-s", "/etc/shadow", link)
    try:
        classroom.run("tee", f"{SPOOL}/{topic}", stdin=lessons.mail(topic, 0).encode())
        classroom.run("mv", f"{SPOOL}/{topic}", f"{SPOOL}/ham/new/1")
        classroom.until_known(spam, ham + 1)
        until("it is deleted", lambda: classroom.waiting() == [])
        log = classroom.run("journalctl", "-u", "mailfleet-learn", "-p", "err", "--no-pager")
        assert f"{link} is kept and not learnt: a symbolic link" in log
    finally:
        classroom.run("rm", "-f", link, f"{SPOOL}/ham/cur/{topic}")


def test_the_learner_runs_where_mail_is_dropped_and_nowhere_else(site: Site) -> None:
    for host in (host.name for host in site.lab.site().hosts):
        done = site.lab.ssh.run(host, ["systemctl", "is-active", "mailfleet-learn"], check=False)
        expected = b"active" if host == site.access_server else b"inactive"
        assert done.stdout.strip() == expected, host
