"""Log lines: the template of Rspamd's, what is escaped, and each place they can go."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.config.addresses import AddressSet
from filter_engine.config.findings import Severity
from filter_engine.config.loader import inspect
from filter_engine.config.log_format import DEFAULT, VARIABLES, Part, parse_log_format
from filter_engine.config.log_levels import ALERT, EMERGENCY, LEVELS, NOTICE
from filter_engine.config.model import Config, LoggingConfig
from filter_engine.scan.declare import Registry, Symbol, check
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.verdict import Action, Finding, SymbolResult, Verdict
from filter_engine.scanner import Scanner
from filter_engine.workers import logs
from filter_engine.workers.logs import journal
from filter_engine.workers.logs import setup as configuring
from filter_engine.workers.logs.printable import MAX_LINE, lines_of, printable
from filter_engine.workers.logs.tag import Debugging
from filter_engine.workers.logs.template import VALUES, Scanned, Template

RSPAMDS = """id: <$mid>,$if_qid{ qid: <$>,}$if_ip{ ip: $,}$if_user{ user: $,}
$if_smtp_from{from: <$>, }(default: $is_spam ($action): [$scores] [$symbols_scores_params]),
len: $len, time: $time_real, dns req: $dns_req,
$if_smtp_rcpts{rcpts: <$>, }mime_rcpts: <$mime_rcpts>$if_filename{, file: $}
$if_forced_action{, forced: $}
"""
MAIL = (
    b"From: A <a@b.example>\r\nTo: c@d.example, e@d.example\r\nMessage-ID: <x@y>\r\n"
    b"Subject: hi\r\n\r\nhello\r\n"
)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for name in [*logging.root.manager.loggerDict]:
        if name.startswith("filter_engine"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    Debugging.clients = None
    logs.configure(LoggingConfig())
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    logs.serve_as("main")


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., Callable[[], list[str]]]:
    """``logged(option=...)`` logs to a file from now on; what it returns reads the lines."""

    def begin(**options: Any) -> Callable[[], list[str]]:
        path = tmp_path / "log"
        logs.configure(LoggingConfig(type="file", filename=str(path), **options))
        return lambda: path.read_text().splitlines()

    return begin


def scanned(mail: bytes = MAIL, envelope: Envelope | None = None, *names: str) -> Scanned:
    """A real scan whose checks ask DNS in vain and find the symbols named."""
    registry = Registry()

    @check("asks", symbols=[Symbol(name, 1.0, "", ("grp",)) for name in names], registry=registry)
    async def asks(task: Any, ask: Any) -> list[Finding]:
        await ask.all(ask.dns("one.example", "A"), ask.dns("two.example", "TXT"))
        return [Finding(name, tuple("abcdefghij"[:10])) for name in names]

    class Failing:
        def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
            done(DnsAnswer(question, DnsStatus.TEMPFAIL, detail="no reply"))

    envelope = envelope or Envelope()
    scanner = Scanner(Config(), registry, transport=Failing())
    verdict = asyncio.run(scanner.scan(mail, envelope))
    return Scanned(verdict, envelope, len(mail), "self")


def test_a_line_is_as_rspamds_for_the_same_message() -> None:
    """Rspamd 3.4 wrote the same, but for its time."""
    said = Template(RSPAMDS, 7).fill(scanned())
    assert re.sub(r"\d+\.\d{3}ms", "T", said) == (
        "id: <x@y>, (default: F (no action): [0.00/15.00] []), len: 94, time: T, dns req: 2, "
        "mime_rcpts: <c@d.example,e@d.example> "
    )
    envelope = Envelope(
        ip="192.0.2.1", user="bob", queue_id="ABC", mail_from="f@g.example",
        rcpt_to=("h@i.example", *(f"{n}@1.example" for n in range(9))),
    )  # fmt: skip
    said = Template(RSPAMDS, 7).fill(scanned(MAIL, envelope, "OPT"))
    assert said.startswith(
        "id: <x@y>, qid: <ABC>, ip: 192.0.2.1, user: bob, from: <f@g.example>, "
        "(default: F (no action): [1.00/15.00] [OPT(1.00){a;b;c;d;e;f;g;...;}]), len: 94, "
    )
    assert "rcpts: <h@i.example,0@1.example,1@1.example,2@1.example,3@1.example," in said
    assert "5@1.example,...>" in said


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("$mid{<$$>}", "<x@yx@y>"),
        ("[$qid][$user][$ip][$settings_id][$forced_action]", "[undef]" * 5),
        ("[$smtp_from][$smtp_rcpt][$smtp_rcpts][$symbols]", "[][][]" + "[A,B]"),
        ("$symbols_params|$symbols_scores", "A{a;...;},B{a;...;}|A(1.00),B(1.00)"),
        ("$groups $public_groups", "grp(2.00) grp(2.00)"),
        ("$mime_from $mime_rcpt $mime_rcpts", "a@b.example c@d.example c@d.example,..."),
        ("$if_qid{q}$if_hostname{h}$if_scanner{by $}", "by self"),
        ("a\n   b", "a b"),
        ("$nothing_such $lua{ return { 1 } }end", " end"),
        ("100$ of it", "100$ of it"),
    ],
)
def test_the_template(template: str, line: str) -> None:
    assert Template(template, 1).fill(scanned(MAIL, None, "A", "B")) == line


def test_every_variable_has_a_value_and_every_value_a_variable() -> None:
    assert set(VALUES) == set(VARIABLES)
    message = scanned()
    for name in VARIABLES:
        assert Template(f"${name}", 7).fill(message) == (Template(f"${name}{{$}}", 7).fill(message))


def test_is_spam_as_rspamd_says_it() -> None:
    """T, F: lines of Rspamd 3.4 for each action."""
    for action in Action:
        line = Template("$is_spam", 7).fill(Scanned(Verdict(action, 0.0, 15.0), Envelope(), 0, ""))
        wanted = "F" if action in (Action.NO_ACTION, Action.SOFT_REJECT) else "T"
        assert line == wanted, action
    skipped = Scanned(Verdict(Action.NO_ACTION, 0.0, 15.0, skipped=True), Envelope(), 0, "")
    assert Template("$is_spam", 7).fill(skipped) == "S"


def test_the_null_sender_is_a_sender() -> None:
    template = Template("$if_smtp_from{from: <$>}", 7)
    assert template.fill(scanned(MAIL, Envelope(mail_from=""))) == "from: <>"
    assert template.fill(scanned()) == ""


@given(st.text())
def test_any_template_is_read(text: str) -> None:
    parts, _ = parse_log_format(text)
    assert all(isinstance(part, Part) for part in parts)
    verdict = Verdict(Action.NO_ACTION, 0.0, 15.0)
    Template(text, 1).fill(Scanned(verdict, Envelope(), 0, "self"))


def test_what_is_wrong_with_a_template_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d/logging.inc").write_text('log_format = "$mdi $lua{x}";\n')
    found = inspect(None, {"LOCAL_CONFDIR": str(tmp_path), "DBDIR": str(tmp_path)}, {}).findings
    told = [one for one in found if "log_format" in one.message]
    assert [(one.severity, one.line) for one in told] == [(Severity.WARNING, 1)] * 2
    assert {one.message.partition(": ")[2] for one in told} == {
        "there is no variable mdi",
        "$lua{...} is not served: there is no Lua here",
    }
    assert any("mid, qid, user" in one.hint for one in told)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\nb", r"a\x0ab"),
        ("\x1b[31m\x7f\x85", r"\x1b[31m\x7f\x85"),
        ("\u202e\u2028\udcff\ud800", r"\u202e\u2028\xff\ud800"),
        ("Grüße, 漢字", "Grüße, 漢字"),
    ],
)
def test_nothing_but_text_is_written(written: str, shown: str) -> None:
    assert printable(written) == shown


@given(st.text(st.characters(), max_size=50))
def test_a_printable_line_is_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert all(line.isprintable() for line in lines_of(text))


def test_a_hostile_message_is_one_bounded_line(logged: Callable[..., Any]) -> None:
    lines = logged()
    mail = b"Message-ID: <a\x1b[2J\xff\xe2\x80\xae@b>\r\n\r\n"
    envelope = Envelope(
        mail_from="x\n2026-11-22 00:00:00 #1(main) forged; forged: line",
        queue_id="Q" * 10_000,
        rcpt_to=("r" * 5000,) * 9,
    )
    logs.log_message(*scanned(mail, envelope))
    (line,) = lines()
    assert len(line) < MAX_LINE + 100
    assert line.isprintable()
    assert r"x\x0a2026" in line or "Q" * 4000 in line


def test_a_line_of_several_has_its_head_before_each(logged: Callable[..., Any]) -> None:
    lines = logged()
    logging.getLogger("filter_engine.scan.run").error("one\n2026 forged\x1b")
    assert all(
        re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d #\d+\(main\) run; \w+: ", line)
        for line in lines()
    )
    assert len(lines()) == 2
    assert lines()[1].endswith(r": 2026 forged\x1b")


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


def test_the_line_of_a_message_is_a_notice(logged: Callable[..., Any]) -> None:
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


def test_no_log_is_no_line(logged: Callable[..., Any]) -> None:
    lines = logged()
    logs.log_message(*scanned(MAIL, Envelope(flags=frozenset({"no_log"}))))
    assert lines() == []


def test_json_lines(logged: Callable[..., Any]) -> None:
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
        self._socket.settimeout(5)

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


def test_the_journal_is_given_fields(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert said["MESSAGE"].startswith("id: <x@y>, qid: <4X>,")
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
    assert said["MESSAGE"] == "several\nlines\nPRIORITY=0"
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
    for _ in range(1000):
        handler.handle(record)
        if handler.lost:
            break
    assert handler.lost == 1
    while True:  # what it could take
        receiver.datagram()
        if not receiver._socket.recv(1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            break
        if handler.lost:
            break
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


def test_a_rotated_file_is_left_without_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handler = configuring.LogFile(str(path))
    path.rename(tmp_path / "log.1")
    handler.handle(logging.LogRecord("x", 40, "", 0, "new", (), None))  # the first look is at once
    assert path.read_text() == "new\n"
    path.unlink()
    handler.handle(logging.LogRecord("x", 40, "", 0, "within a second", (), None))
    assert not path.exists()
    handler.close()


def test_a_client_is_debugged_alone(logged: Callable[..., Any]) -> None:
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


def test_urls_are_logged_where_a_site_wants_it(logged: Callable[..., Any]) -> None:
    lines = logged(log_urls=True)
    mail = MAIL + b"see http://a.example/x and http://b.example/y\r\n"
    logs.log_message(*scanned(mail))
    assert [line for line in lines() if "url: <http://a.example/x>" in line]
    assert len(lines()) == 3


def test_a_tag_comes_with_the_request_if_it_is_sound() -> None:
    def tag_of(value: bytes) -> str:
        headers = ((b"log-tag", value),)
        return Context().run(logs.begin_message, Envelope(request_headers=headers))

    assert tag_of(b"4f2a.mx1") == "4f2a.mx1"
    for bad in (b"", b"a b", b"x" * 65, b"a>\x1b", b"\xff"):
        assert re.fullmatch("[0-9a-f]{12}", tag_of(bad)), bad
    assert Context().run(logs.log_tag) == ""


class SharedTransport:
    """Answers from another context than the asker's, as a connection shared by messages does."""

    def __init__(self) -> None:
        self._other = Context()

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        answer = DnsAnswer(question, DnsStatus.OK, ("192.0.2.1",))
        asyncio.get_running_loop().call_soon(done, answer, context=self._other)


def test_a_check_that_was_answered_logs_with_the_tag_of_its_message() -> None:
    registry, tags = Registry(), {}

    @check("asks", symbols=[Symbol("A", 1.0, "")], registry=registry)
    async def asks(task: Any, ask: Any) -> list[Finding]:
        before = logs.log_tag()
        await ask.dns(f"{task.message.raw.decode()}.example", "A")
        await ask.dns(f"{task.message.raw.decode()}.example.net", "A")
        tags[before] = logs.log_tag()
        return []

    async def main() -> set[str]:
        scanner = Scanner(Config(), registry, transport=SharedTransport())

        async def one(name: bytes) -> str:
            tag = logs.begin_message(Envelope())
            await scanner.scan(name, Envelope())
            assert logs.log_tag() == tag
            return tag

        return set(await asyncio.gather(*map(one, (b"a", b"b", b"c"))))

    expected = asyncio.run(main())
    assert len(expected) == 3
    assert tags == {tag: tag for tag in expected}


def test_the_default_is_rspamds_line_and_what_is_ours() -> None:
    symbols = (SymbolResult("LIGHT", 0.1, 0.1), SymbolResult("HEAVY", -3.0, -3.0, options=("o",)))
    verdict = Verdict(
        Action.REJECT, float("nan"), float("nan"), symbols, unfinished=("rbl",), time_real=0.0125
    )
    said = Template(DEFAULT, 7).fill(Scanned(verdict, Envelope(), 10, "mx2:11333"))
    assert said == (
        "id: <undef>, (default: T (reject): [nan/NaN] [HEAVY(-3.00){o;},LIGHT(0.10){}]), len: 10,"
        " time: 12.500ms, dns req: 0, scanner: mx2:11333, unfinished: rbl"
    )
