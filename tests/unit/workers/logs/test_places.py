"""Each place that lines can go to, and which lines go there."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from filter_engine.config.addresses import AddressSet
from filter_engine.config.log_levels import ALERT, EMERGENCY, LEVELS, NOTICE
from filter_engine.config.model import LoggingConfig
from filter_engine.scan.envelope import Envelope
from filter_engine.workers import logs
from filter_engine.workers.logs import journal, log_file
from filter_engine.workers.logs import setup as configuring
from filter_engine.workers.logs.template import Scanned

MAIL = (
    b"From: A <a@b.example>\r\nTo: c@d.example, e@d.example\r\nMessage-ID: <x@y>\r\n"
    b"Subject: hi\r\n\r\nhello\r\n"
)


@pytest.mark.parametrize(("level", "least"), sorted(LEVELS.items()))
def test_levels_are_syslogs(logged: Callable[..., Any], level: str, least: int) -> None:
    lines = logged(level=level, log_severity=True)
    for severity in (EMERGENCY, ALERT, 50, 40, 30, NOTICE, 20, 10):
        logging.getLogger("filter_engine.x").log(severity, "%d", severity)
    assert [int(line.rpartition(" ")[2]) for line in lines()] == [
        one for one in (EMERGENCY, ALERT, 50, 40, 30, NOTICE, 20, 10) if one >= least
    ]
    assert all(re.search(r"\[(emerg|alert|crit|error|warning|notice|info|debug)\]", line)
               for line in lines())  # fmt: skip


def test_numbers_are_severities(logged: Callable[..., Any]) -> None:
    assert [LEVELS[str(number)] for number in range(8)] == [70, 60, 50, 40, 30, 25, 20, 10]
    assert [LEVELS[word] for word in ("error", "warning", "notice", "info", "debug")] == [
        LEVELS[number] for number in "34567"
    ]


def test_the_line_of_a_message_is_a_notice(
    logged: Callable[..., Any], scanned: Callable[..., Scanned]
) -> None:
    lines = logged(level="notice")
    logs.log_message(*scanned())
    logging.getLogger("filter_engine.x").info("not shown")
    assert len(lines()) == 1
    assert "rspamd_task_write_log: id: <x@y>," in lines()[0]
    assert logged(level="warning")() == lines()
    logs.log_message(*scanned())
    assert len(lines()) == 1


def test_silent_is_told_until_the_workers_begin(logged: Callable[..., Any]) -> None:
    lines = logged(level="silent")
    log = logging.getLogger("filter_engine.x")
    log.info("the master")
    logs.serve_as("normal")
    log.info("a worker")
    log.log(NOTICE, "a notice")
    assert [line.rpartition(": ")[2] for line in lines()] == ["the master", "a notice"]
    assert "(normal)" in lines()[1]


def test_json_lines(logged: Callable[..., Any], scanned: Callable[..., Scanned]) -> None:
    lines = logged(log_json=True)

    def one() -> str:
        envelope = Envelope(ip="192.0.2.1", queue_id="4X", rcpt_to=("a@b.example",))
        tag = logs.begin_message(envelope)
        logs.log_message(*scanned(b"Message-ID: <\xff@x>\r\n\r\n", envelope, "SPAMMY"))
        return tag

    tag = Context().run(one)
    try:
        raise ValueError("second\nline")
    except ValueError:
        logging.getLogger("filter_engine.x").exception("a fault: \udcff")
    scan, fault = map(json.loads, lines())
    assert scan["id"] == tag != ""
    assert (scan["severity"], scan["module"], scan["worker_type"]) == ("notice", "task", "main")
    assert scan["function"] == "rspamd_task_write_log"
    assert scan["task"]["queue_id"] == "4X"
    assert scan["task"]["symbols"] == ["SPAMMY"]
    assert scan["task"]["action"] == "no action"
    assert scan["task"]["score"] == 1.0
    assert (fault["id"], fault["severity"]) == ("", "error")
    assert fault["message"].startswith("a fault: \\xff\nTraceback")


class Receiver:
    """A datagram socket somebody logs to."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(60)

    def datagram(self) -> bytes:
        return self._socket.recv(1 << 20)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path / "socket")
    yield made
    made.close()


def fields(datagram: bytes) -> dict[str, str]:
    """A journal entry's fields, by systemd's description of the protocol."""
    found: dict[str, str] = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if equals:
            found[name.decode()], datagram = value.decode(), rest
        else:
            size = int.from_bytes(rest[:8], "little")
            assert rest[8 + size : 9 + size] == b"\n"
            found[name.decode()] = rest[8 : 8 + size].decode()
            datagram = rest[9 + size :]
    return found


def test_the_journal_is_given_fields(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, scanned: Callable[..., Scanned]
) -> None:
    sock = journal.connected(receiver.path)
    assert sock is not None
    monkeypatch.setattr(journal, "connected", lambda *_: sock)
    logs.configure(LoggingConfig(type="journald"))

    def one() -> str:
        envelope = Envelope(queue_id="4X", mail_from="", rcpt_to=("a@b.example", "c@d.example"))
        tag = logs.begin_message(envelope)
        logs.log_message(*scanned(MAIL, envelope, "A", "B"))
        return tag

    tag = Context().run(one)
    said = fields(receiver.datagram())
    head = f"(main) <{tag}>; task; rspamd_task_write_log: id: <x@y>, qid: <4X>,"
    assert said["MESSAGE"].startswith(head)
    assert said["MESSAGE_ID"] == journal.SCANNED
    assert re.fullmatch("[0-9a-f]{32}", said["MESSAGE_ID"])
    wanted = {
        "PRIORITY": "5", "TASK_ID": tag, "QUEUE_ID": "4X", "SYMBOLS": "A,B", "SCORE": "2.0",
        "ACTION": "no action", "SYSLOG_IDENTIFIER": "filter-engine", "MAIL_ID": "x@y",
        "MAIL_FROM": "", "MAIL_RCPT": "a@b.example,c@d.example", "WORKER": "main",
    }  # fmt: skip
    assert {name: said.get(name) for name in wanted} == wanted
    assert all(re.fullmatch("[A-Z][A-Z_]*", name) for name in said)
    logging.getLogger("filter_engine.x").error("several\nlines\nPRIORITY=0")
    said = fields(receiver.datagram())
    assert said["MESSAGE"].endswith(": several\nlines\nPRIORITY=0")
    assert (said["PRIORITY"], said.get("TASK_ID")) == ("3", None)


def test_a_journal_that_is_gone_costs_no_line(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sock = journal.connected(receiver.path)
    assert sock is not None
    path = str(tmp_path / "else")
    otherwise = configuring.LogFile(path)
    handler = journal.JournalHandler(sock, otherwise, str(tmp_path / "nobody"))
    receiver.close()
    record = logging.LogRecord("filter_engine.x", logging.ERROR, "", 0, "kept", (), None)
    handler.handle(record)
    handler.handle(record)
    assert Path(path).read_text() == "kept\nkept\n"
    handler.close()


def test_a_journal_that_is_behind_stops_nobody(receiver: Receiver) -> None:
    sock = journal.connected(receiver.path)
    assert sock is not None
    handler = journal.JournalHandler(sock, logging.NullHandler(), receiver.path)
    record = logging.LogRecord("filter_engine.x", logging.ERROR, "", 0, "x" * 5000, (), None)
    taken = 0
    while not handler.lost and taken < 1000:
        handler.handle(record)
        taken += not handler.lost
    assert handler.lost == 1
    assert [len(receiver.datagram()) > 5000 for _ in range(taken)] == [True] * taken
    handler.handle(record)
    assert fields(receiver.datagram())["LOST_LINES"] == "1"
    handler.close()


def test_syslog_is_told_all_severities(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuring, "SYSLOG", receiver.path)
    logs.configure(LoggingConfig(type="syslog", level="debug", facility="mail"))
    for severity in (EMERGENCY, ALERT, 50, 40, 30, NOTICE, 20, 10):
        logging.getLogger("filter_engine.x").log(severity, "text")
    for number in range(8):
        datagram = receiver.datagram().decode()
        assert datagram.startswith(f"<{2 * 8 + number}>filter-engine: #")
        assert datagram.endswith("(main) x; test_syslog_is_told_all_severities: text")


def test_a_rotated_file_is_left_at_the_signal(logged: Callable[..., Any], tmp_path: Path) -> None:
    lines = logged()
    log = logging.getLogger("filter_engine.x")
    log.error("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    logs.reopen()
    log.error("two")
    assert [line[-3:] for line in lines()] == ["two"]
    assert (tmp_path / "log").stat().st_mode & 0o7 == 0


def test_a_rotated_file_is_left_without_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(log_file, "time", SimpleNamespace(monotonic=lambda: now))
    path = tmp_path / "log"
    handler = configuring.LogFile(str(path))
    path.rename(tmp_path / "log.1")
    handler.handle(logging.LogRecord("x", 40, "", 0, "new", (), None))  # the first look is at once
    assert path.read_text() == "new\n"
    path.unlink()
    handler.handle(logging.LogRecord("x", 40, "", 0, "within a second", (), None))
    assert not path.exists()
    now += log_file.LOOK
    handler.handle(logging.LogRecord("x", 40, "", 0, "later", (), None))
    assert path.read_text() == "later\n"
    handler.close()


def test_a_file_that_is_copied_and_truncated_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handler = configuring.LogFile(str(path))
    record = logging.LogRecord("x", 40, "", 0, "line", (), None)
    handler.handle(record)
    os.truncate(path, 0)
    handler.handle(record)
    assert path.read_bytes() == b"line\n"
    handler.close()


def test_a_client_is_debugged_alone(
    logged: Callable[..., Any], scanned: Callable[..., Scanned]
) -> None:
    lines = logged(level="notice", debug_ip=AddressSet(["192.0.2.0/24"]))

    def one(ip: str) -> None:
        logs.begin_message(Envelope(ip=ip))
        logs.log_message(*scanned())

    Context().run(one, "192.0.2.9")
    assert [line.rpartition("; ")[2] for line in lines()[:2]] == [
        "_failed_questions: dns: one.example A: no reply",
        "_failed_questions: dns: two.example TXT: no reply",
    ]
    assert len(lines()) == 3
    assert len({re.search(r"<\w{12}>; ", line)[0] for line in lines()}) == 1  # type: ignore[index]
    Context().run(one, "198.51.100.9")
    assert len(lines()) == 4


def test_urls_are_logged_where_a_site_wants_it(
    logged: Callable[..., Any], scanned: Callable[..., Scanned]
) -> None:
    lines = logged(log_urls=True)
    mail = MAIL + b"see http://a.example/x and http://b.example/y\r\n"
    logs.log_message(*scanned(mail))
    assert [line for line in lines() if "url: <http://a.example/x>" in line]
    assert len(lines()) == 3
