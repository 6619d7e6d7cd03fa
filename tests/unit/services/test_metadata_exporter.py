"""Notices about mail: HTTP, SMTP and beanstalkd over real sockets, after the verdict."""

from __future__ import annotations

import asyncio
import email
import json
import logging
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certificate import certificate
from filter_engine import checks
from filter_engine.config import Severity, load
from filter_engine.config.loader import inspect
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.exchange import Exchange, ExchangeStatus, Reply
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner, sections
from filter_engine.streams.outbox import AT_ONCE, MAX_WAITING, Outbox
from stream_server import daemon, nobody
from table_stores import TableStores

MAIL = (
    b"From: Bob <bob@example.com>\r\nTo: alice@example.net\r\nSubject: =?utf-8?q?x=0Ay?=\r\n"
    b"In-Reply-To: <77@lists.example>\r\n\r\nbody\r\n.dot\r\n"
)
ENVELOPE: dict[str, Any] = {"ip": "198.51.100.7", "mail_from": "bob@example.com", "queue_id": "Q1"}
ENVELOPE["rcpt_to"] = ("alice@example.net", "carol@example.net")
Make = Callable[..., Scanner]


class Told:
    """Keeps what a server was told, and wakes who waits for it."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[bytes] = asyncio.Queue()

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.texts.get(), 60)


class Http(Told):
    def __init__(self, status: str = "200 OK") -> None:
        super().__init__()
        self.status = status

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        await self.texts.put(head + await reader.readexactly(size))
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())


class Smtp(Told):
    """RFC 5321, strict: it answers a command only when it is that command's turn."""

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        said: list[bytes] = []
        writer.write(b"220-mx.example\r\n220 ready\r\n")
        while not (line := await reader.readline()).startswith(b"QUIT"):
            said.append(line)
            if line.startswith(b"EHLO"):
                writer.write(b"250-mx.example\r\n250 8BITMIME\r\n")
            elif line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                said.append(text)
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"250 ok\r\n")
        await self.texts.put(b"".join(said))


class Beanstalkd(Told):
    async def __call__(self, reader: Reader, writer: Writer) -> None:
        use = await reader.readline()
        writer.write(b"USING " + use.split()[1] + b"\r\n")
        put = await reader.readline()
        body = await reader.readexactly(int(put.split()[-1]) + 2)
        writer.write(b"INSERTED 12\r\n")
        await self.texts.put(use + put + body + await reader.readline())


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def build(rules: str, **files: str) -> Scanner:
        checks.load()
        (tmp_path / "local.d").mkdir(exist_ok=True)
        files["metadata_exporter.conf"] = f"rules {{ {rules} }}"
        for name, text in files.items():
            (tmp_path / "local.d" / name).write_text(text)
        (tmp_path / "local.d" / "options.inc").write_text('dns { nameserver = "127.0.0.1:9"; }')
        variables = {"LOCAL_CONFDIR": str(tmp_path)}
        return Scanner(load(None, variables, {}, modules=sections(REGISTRY)), REGISTRY)

    return build


async def scanned(scanner: Scanner, **envelope: Any) -> Verdict:
    scanner.open(asyncio.get_running_loop())
    return await scanner.scan(MAIL, Envelope(**{**ENVELOPE, **envelope}))


def test_http(make: Make) -> None:
    async def main() -> None:
        web = Http()
        async with daemon(web) as servers:
            port = next(iter(servers)).port
            scanner = make(
                f'WEB {{ backend = "http"; url = "http://127.0.0.1:{port}/in?a=b"; formatter = '
                '"json"; mime_type = "application/json"; user = "me"; password = "secret";'
                "meta_headers = true; }"
            )
            await scanned(scanner)
            head, _, body = (await web.next()).partition(b"\r\n\r\n")
            scanner.close()
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /in?a=b HTTP/1.1"
        assert "Authorization: Basic bWU6c2VjcmV0" in lines
        assert "X-Rspamd-qid: Q1" in lines
        assert "X-Rspamd-subject: x y" in lines
        told = json.loads(body)
        assert told["rcpt"] == ["alice@example.net", "carol@example.net"]
        assert told["from"] == "bob@example.com"
        assert told["action"] in ("no action", "greylist", "add header")
        assert told["subject"] == "x\ny"
        assert {"MISSING_DATE", "MISSING_MID"} <= {symbol["name"] for symbol in told["symbols"]}

    asyncio.run(main())


@pytest.mark.parametrize("trusted", [True, False])
def test_https_with_metadata_and_message(make: Make, tmp_path: Path, trusted: bool) -> None:
    async def main() -> None:
        web = Http()
        _, context = certificate(tmp_path)
        async with daemon(web, tls=context) as servers:
            port = next(iter(servers)).port
            scanner = make(
                f'WEB {{ backend = "http"; url = "https://127.0.0.1:{port}/in"; formatter = '
                f'"multipart"; no_ssl_verify = {str(trusted).lower()}; timeout = 20s; }}'
            )
            await scanned(scanner)
            if not trusted:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(web.texts.get(), 0.5)
                scanner.close()
                return
            head, _, body = (await web.next()).partition(b"\r\n\r\n")
            scanner.close()
        (kind,) = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Type: ")]
        form = email.message_from_bytes(kind + b"\r\n\r\n" + body)
        assert form.get_content_type() == "multipart/form-data"
        told, copy = form.get_payload()
        assert told["Content-Disposition"] == 'form-data; name="metadata"'
        assert json.loads(told.get_payload())["qid"] == "Q1"
        assert copy["Content-Disposition"] == 'form-data; name="message"'
        assert b"message/rfc822\r\n\r\n" + MAIL + b"\r\n--" in body

    asyncio.run(main())


def test_mail_alert(make: Make) -> None:
    async def main() -> None:
        mx = Smtp()
        async with daemon(mx) as servers:
            port = next(iter(servers)).port
            scanner = make(
                f'ALERT {{ backend = "send_mail"; smtp = "127.0.0.1"; smtp_port = {port};'
                'formatter = "email_alert"; mail_from = "filter@example.net"; helo = "mx1.example";'
                'mail_to = ["root@example.net", "bad address"]; email_alert_sender = true; }'
            )
            await scanned(scanner)
            told = await mx.next()
            scanner.close()
        session, _, text = told.partition(b"DATA\r\n")
        assert session.split(b"\r\n") == [
            b"EHLO mx1.example",
            b"MAIL FROM:<filter@example.net>",
            b"RCPT TO:<root@example.net>",
            b"RCPT TO:<bob@example.com>",
            b"",
        ]
        mail = email.message_from_bytes(text)
        assert mail["Subject"] == "Spam alert"
        assert mail["From"] == '"Rspamd" <filter@example.net>'
        body = mail.get_payload()
        assert "Subject: x y\r\n" in body  # a line break in a header adds no line
        assert "Queue ID: Q1" in body

    asyncio.run(main())


def test_message_by_mail_is_dot_stuffed(make: Make) -> None:
    async def main() -> None:
        mx = Smtp()
        async with daemon(mx) as servers:
            server = f'smtp = "127.0.0.1"; smtp_port = {next(iter(servers)).port};'
            scanner = make(f'COPY {{ backend = "send_mail"; {server} }}')
            await scanned(scanner)
            told = await mx.next()
            scanner.close()
        assert told.endswith(b"\r\n\r\nbody\r\n..dot\r\n.\r\n")
        assert b"RCPT TO:<postmaster@localhost>\r\n" in told

    asyncio.run(main())


@pytest.mark.parametrize(
    ("id_regexp", "expected"),
    [("", MAIL.partition(b"body")[0]), (r"@lists\\.example", MAIL), ("@other", None)],
)
def test_beanstalk_of_rmilter(make: Make, id_regexp: str, expected: bytes | None) -> None:
    """C32-C36: headers of messages, the whole one where In-Reply-To matches."""
    wanted = MAIL.partition(b"body")[0] if expected is None else expected

    async def main() -> None:
        queue = Beanstalkd()
        async with daemon(queue) as servers:
            regexp = f'id_regexp = "{id_regexp}";' if id_regexp else ""
            scanner = make(
                f'QUEUE {{ backend = "beanstalk"; host = "127.0.0.1"; formatter = "headers";'
                f"port = {next(iter(servers)).port}; tube = mails; priority = 7; delay = 1min;"
                f"ttr = 30s; {regexp} }}"
            )
            await scanned(scanner)
            told = await queue.next()
            scanner.close()
        head = f"use mails\r\nput 7 60 30 {len(wanted)}\r\n".encode()
        assert told == head + wanted + b"\r\nquit\r\n"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("selector", "more", "envelope", "told"),
    [
        ("default", "", {}, True),
        ("is_spam", "reject = 1000; add_header = 900; greylist = 0.2;", {}, False),
        ("is_reject", "reject = 0.5; add_header = 0.3; greylist = 0.2;", {}, True),
        ("is_spam", "reject = 1000; add_header = 0.3; greylist = 0.2;", {}, True),
        ("is_spam_authed", "reject = 1000; add_header = 0.3; greylist = 0.2;", {}, False),
        ("is_reject_authed", "reject = 0.05; add_header = 0.03;", {"user": "u"}, False),
        ("is_not_soft_reject", "", {}, True),
        ('default"; probability = "0.0', "", {}, False),
    ],
)
def test_selectors(
    make: Make, selector: str, more: str, envelope: dict[str, Any], told: bool
) -> None:
    notices: list[Exchange] = []

    class Keeps:
        def put(self, these: list[Exchange]) -> None:
            notices.extend(these)

    async def main() -> None:
        rule = f'A {{ backend = "http"; url = "http://127.0.0.1:1/"; selector = "{selector}"; }}'
        actions = {"actions.conf": more} if more else {}
        scanner = make(rule, **actions)
        scanner.open(asyncio.get_running_loop())
        scanner._outbox = Keeps()  # type: ignore[assignment]  # what would be sent
        await scanner.scan(MAIL, Envelope(**{**ENVELOPE, **envelope}))
        scanner.close()

    asyncio.run(main())
    assert bool(notices) is told


def test_nobody_there_neither_delays_nor_changes_the_verdict(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        port = next(iter(nobody())).port
        scanner = make(f'A {{ backend = "http"; url = "http://127.0.0.1:{port}/"; }}')
        first = await scanned(scanner)
        second = await scanner.scan(MAIL, Envelope(**ENVELOPE))
        outbox = scanner._outbox
        assert outbox is not None
        while outbox.statistics.failed < 2:  # noqa: ASYNC110  # counters have no event
            await asyncio.sleep(0.01)
        scanner.close()
        assert first.action is second.action
        assert not {"metadata_exporter"} & set(first.unfinished)

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(main(), 60))
    assert caplog.text.count("notice to ") == 1


def test_a_status_that_is_no_success_is_a_failure(make: Make) -> None:
    async def main() -> None:
        web = Http("503 Busy")
        async with daemon(web) as servers:
            port = next(iter(servers)).port
            scanner = make(f'A {{ backend = "http"; url = "http://127.0.0.1:{port}/"; }}')
            await scanned(scanner)
            outbox = scanner._outbox
            assert outbox is not None
            while not outbox.statistics.failed:  # noqa: ASYNC110  # counters have no event
                await asyncio.sleep(0.01)
            assert outbox.statistics.sent == 0
            scanner.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_outbox_is_bounded() -> None:
    waiting: list[Callable[[Reply], None]] = []

    class Slow:
        def exchange(self, question: Exchange, done: Callable[[Reply], None]) -> None:
            waiting.append(lambda status: done(Reply(question, status)))  # type: ignore[arg-type]

    outbox = Outbox(Slow(), TableStores())
    outbox.put([Exchange(nobody(), b"x")] * (AT_ONCE + MAX_WAITING + 5))
    assert len(waiting) == AT_ONCE
    assert outbox.statistics.dropped in (5, 5 + AT_ONCE)
    while waiting:
        waiting.pop()(ExchangeStatus.OK)  # type: ignore[arg-type]
    assert outbox.statistics.sent + outbox.statistics.dropped == AT_ONCE + MAX_WAITING + 5


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('backend = "redis_pubsub"; channel = "x";', "there is no backend 'redis_pubsub' here"),
        ('backend = "http";', "the backend http needs url"),
        ('backend = "http"; url = "http://h/"; selector = "mine";', "there is no selector 'mine'"),
        ('backend = "http"; url = "http://h/"; formatter = "x";', "there is no formatter 'x'"),
    ],
)
def test_rules_that_cannot_be_used_are_told(tmp_path: Path, rule: str, told: str) -> None:
    (tmp_path / "local.d").mkdir()
    (tmp_path / "local.d" / "metadata_exporter.conf").write_text(f"rules {{ A {{ {rule} }} }}")
    checks.load()
    found = inspect(None, {"LOCAL_CONFDIR": str(tmp_path)}, {}, modules=sections(REGISTRY))
    assert not [f for f in found.findings if f.severity is Severity.ERROR]
    assert any(told in f.message for f in found.findings)
