"""Reading an SMTP session's outcome, locks and records: what tests of others rely on."""

import subprocess
import sys
import threading

import pytest

from lab.errors import LabError
from lab.internet import load_internet
from lab.lock import locked
from lab.mail import Reply, Session
from lab.paths import PROJECT
from lab.plan import plan_hosts
from lab.programs import run
from lab.record import Record, read_record
from lab.site import load_site

OUTSIDE = [Reply(None, "connect", 220, "hi"), Reply(None, "EHLO", 250, "hi")]
ACCEPTED = [Reply(0, "MAIL", 250, ""), Reply(0, "RCPT", 250, ""), Reply(0, "DATA", 354, "")]


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        ([*OUTSIDE, *ACCEPTED, Reply(0, ".", 250, "queued")], 250),
        ([*OUTSIDE, *ACCEPTED, Reply(0, ".", 554, "Gtube pattern")], 554),
        (
            [
                *OUTSIDE,
                Reply(0, "MAIL", 250, ""),
                Reply(0, "RCPT", 550, ""),
                Reply(0, "RSET", 250, ""),
            ],
            550,
        ),
        (
            [
                *OUTSIDE,
                Reply(0, "MAIL", 250, ""),
                Reply(0, "RCPT", 550, ""),
                *ACCEPTED[1:],
                Reply(0, ".", 250, ""),
            ],
            250,
        ),
        ([*OUTSIDE, Reply(0, "MAIL", 451, "")], 451),
        ([*OUTSIDE, *ACCEPTED[:2], Reply(0, "DATA", 421, "")], 421),
        ([Reply(None, "connect", 421, "busy")], 421),
        ([*OUTSIDE, Reply(None, "AUTH", 535, "no")], 535),
    ],
)
def test_the_verdict_is_the_reply_that_decided(replies, code):
    assert Session(tuple(replies)).verdict().code == code


@pytest.mark.parametrize(
    "replies",
    [
        [],
        OUTSIDE,
        [*OUTSIDE, *ACCEPTED],
        [*OUTSIDE, Reply(0, "MAIL", 250, ""), Reply(0, "RCPT", 250, ""), Reply(0, "RCPT", 550, "")],
    ],
)
def test_a_session_that_broke_off_has_no_verdict(replies):
    with pytest.raises(LabError, match="broke off: reset by peer"):
        Session(tuple(replies), "reset by peer").verdict()


def test_each_transaction_has_its_own_verdict():
    replies = [*ACCEPTED, Reply(0, ".", 250, ""), Reply(1, "MAIL", 550, "")]
    assert [Session(tuple(replies)).verdict(number).code for number in (0, 1)] == [250, 550]


def test_a_record_reads_back_as_it_was_written(tmp_path):
    hosts = plan_hosts(load_site(PROJECT / "inventories" / "three_hosts"), load_internet())
    record = Record("/site", "image:1", hosts, complete=True)
    record.write(tmp_path / "lab.json")
    assert read_record(tmp_path / "lab.json") == record


@pytest.mark.parametrize("content", [None, "", '{"site": '])
def test_a_record_cut_short_counts_as_none(tmp_path, content):
    if content is not None:
        (tmp_path / "lab.json").write_text(content)
    assert read_record(tmp_path / "lab.json") is None


def test_a_lock_keeps_others_out_and_leaves_no_file(tmp_path):
    path = tmp_path / "x.lock"
    order = []
    inside = threading.Event()

    def second():
        inside.wait()
        with locked(path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(path):
        inside.set()
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert not path.exists()


def test_a_lock_held_by_a_killed_process_is_free(tmp_path):
    path = tmp_path / "x.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            f"sys.path.insert(0, {str(PROJECT / 'molecule')!r})\n"
            "from lab.lock import locked\n"
            f"with locked(pathlib.Path({str(path)!r})):\n"
            "    print('held', flush=True)\n"
            "    sys.stdin.read()\n",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    with locked(path):
        pass
    assert not path.exists()


def test_a_failed_program_is_named_with_its_last_words():
    with pytest.raises(LabError) as caught:
        run(["sh", "-c", "echo the cause >&2; exit 3"])
    assert "exit status 3" in str(caught.value)
    assert "the cause" in str(caught.value)
    with pytest.raises(LabError, match="cannot run no-such-program-here"):
        run(["no-such-program-here"])
    with pytest.raises(LabError, match=r"took more than 0\.1 s"):
        run(["sleep", "5"], timeout=0.1)
