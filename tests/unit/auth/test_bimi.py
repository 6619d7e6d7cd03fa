"""BIMI: the record, and the logo that a helper (here a small HTTP server) fetches."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.auth.bimi_record import BimiRecord, parse_bimi_record
from filter_engine.auth.results import DmarcCode, DmarcPolicy, DmarcResult
from filter_engine.checks.bimi import BimiOptions
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.exchange import Exchange, ExchangeStatus, Reply
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import AddHeader, Outcome, RemoveHeader
from policy_scan import RAW, Sink

checks.load()
RECORD = b"v=BIMI1; l=https://b.example/l.svg; a=https://b.example/c.pem"
LOGO = b"<svg/>" * 30
PASS = DmarcResult(DmarcCode.PASS, "b.example", "b.example", DmarcPolicy.REJECT)


class World(TableResolver):
    """The table, and exchanges over real sockets."""

    def exchange(self, question: Exchange, done: Callable[[Reply], None]) -> None:
        upstream = question.servers.upstreams[0]
        try:
            with socket.create_connection((upstream.host, upstream.port), 5) as sock:
                sock.sendall(question.send)
                data = b"".join(iter(lambda: sock.recv(65536), b""))
        except OSError as error:
            done(Reply(question, ExchangeStatus.REFUSED, detail=str(error)))
        else:
            done(Reply(question, ExchangeStatus.OK, data))


class Helper(BaseHTTPRequestHandler):
    reply: bytes = b""
    status = 200
    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append({"path": self.path, **json.loads(body)})
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def helper() -> Iterator[tuple[type[Helper], str]]:
    made = type("Made", (Helper,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), made)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def run(
    url: str, record: bytes = RECORD, dmarc: DmarcResult = PASS, raw: bytes = RAW
) -> Outcome | None:
    task = Task(
        Message(raw),
        Envelope(),
        {BimiOptions: BimiOptions(helper_url=url)},
        1e9,
        "mx",
        results={"dmarc": dmarc},
    )
    sink = Sink()
    driver = Driver(task, World({"default._bimi.b.example": {"TXT": [record]}}), sink)
    driver.start([REGISTRY["bimi"]])
    assert driver.idle
    return sink.outcomes.get("bimi")


def test_a_certified_logo_is_put_on_the_mail(helper: tuple[type[Helper], str]) -> None:
    made, url = helper
    made.reply = json.dumps({"content": b64encode(LOGO).decode()}).encode()
    outcome = run(url)
    assert outcome is not None
    assert [(f.symbol, f.options) for f in outcome.findings] == [("BIMI_VALID", ("b.example",))]
    (header,) = outcome.headers
    assert isinstance(header, AddHeader)
    assert header.value.replace("\n\t", "") == b64encode(LOGO).decode()
    assert max(map(len, header.value.split("\n\t"))) <= 73
    (asked,) = made.asked
    assert (asked["path"], asked["url"], asked["domain"]) == (
        "/v1/check",
        "https://b.example/c.pem",
        "b.example",
    )


@pytest.mark.parametrize(
    "reply", [b"", b"{}", b"[]", b"null", b'{"content": "&"}', b'{"content": 1}', b"[" * 100_000]
)
def test_a_reply_without_logo_says_nothing(helper: tuple[type[Helper], str], reply: bytes) -> None:
    made, url = helper
    made.reply = reply
    assert run(url) is None


def test_an_error_of_the_helper_or_none_says_nothing(helper: tuple[type[Helper], str]) -> None:
    made, url = helper
    made.status, made.reply = 500, json.dumps({"content": b64encode(LOGO).decode()}).encode()
    assert run(url) is None
    assert run("http://127.0.0.1:9") is None


@pytest.mark.parametrize(
    ("record", "dmarc"),
    [
        (b"v=BIMI1; l=https://b.example/l.svg", PASS),
        (b"v=BIMI1; l=; a=;", PASS),
        (b"v=spf1 -all", PASS),
        (RECORD, DmarcResult(DmarcCode.FAIL, "b.example", "b.example", DmarcPolicy.REJECT)),
        (RECORD, DmarcResult(DmarcCode.PASS, "b.example", "b.example", DmarcPolicy.NONE)),
    ],
)
def test_the_helper_is_asked_for_certified_logos_of_strict_domains_only(
    helper: tuple[type[Helper], str], record: bytes, dmarc: DmarcResult
) -> None:
    made, url = helper
    assert run(url, record, dmarc) is None
    assert not made.asked


def test_an_indicator_that_came_along_goes() -> None:
    outcome = run("http://127.0.0.1:9", b"", raw=b"BIMI-Indicator: forged\r\n" + RAW)
    assert outcome is not None
    assert outcome.headers == (RemoveHeader("BIMI-Indicator"),)


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (RECORD, BimiRecord("https://b.example/l.svg", "https://b.example/c.pem")),
        (b"v=bimi1;l=;", BimiRecord()),
        (b"l=https://b.example/; v=BIMI1", None),
        (b"v=BIMI1; l=http://b.example/", None),
        (b"v=BIMI1; a=https://b example/", None),
        (b"v=BIMI1; a=https://[", None),
        (b"v=BIMI1; l=https://b.example/" + b"x" * 2000, None),
        (b"", None),
    ],
)
def test_records(text: bytes, record: BimiRecord | None) -> None:
    assert parse_bimi_record(text) == record
