"""No header makes a check slow, whatever is repeated in it."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable

import pytest

from filter_engine.checks.hfilter import url_only
from filter_engine.config.schema import Section
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task

from .conftest import CONFIG

NAMES = (
    b"From To Cc Reply-To Sender Subject Date Message-ID Received Content-Type X-Mailer User-Agent "
    b"List-Id List-Unsubscribe List-Subscribe List-Help Precedence X-Priority X-Mailman-Version "
    b"X-Authentication-Warning Disposition-Notification-To X-Confirm-Reading-To Organization"
).split()
REPEATED = (
    b'" < @ @a a. a- =? =?a?b? ( <mailto: -unsubscribe@ Gecko/ 0000$ 0 a 1.1. \\ , ;x= \xff ! { '
    b"www. undisclosed-recipients"
).split()
PHRASES = [b" ", b" for <", b"Re: ", b"from [x] by ", b"Mozilla/5.0 "]
PLAIN = [check for check in REGISTRY if not check.asks]
STATES = {
    check.name: check.prepare((check.options or Section)(), Setup(CONFIG))
    for check in PLAIN
    if check.prepare is not None
}
"""What the checks made ready, with the options they have by default."""


@pytest.mark.parametrize("repeated", [*REPEATED, *PHRASES], ids=repr)
def test_repetition(repeated: bytes) -> None:
    size = 30_000
    value = repeated * (size // len(repeated)) + b"."
    raw = b"".join(name + b": <x" + value + b"\n" for name in NAMES) + b"\nbody"
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example", states=STATES)
    slow: dict[str, float] = {}
    for check in PLAIN:
        run: Callable[[Task], object] = check.run  # type: ignore[assignment]
        begin = time.process_time()
        run(task)
        seconds = time.process_time() - begin
        if seconds > 1.0:
            slow[check.name] = seconds
    assert slow == {}


@pytest.mark.parametrize(
    "text",
    [
        (b"http://" + b")" * 4090 + b" \r\n") * 1020,
        b"a@" * (2 << 20),
        b"x www.a.example b@c.example (http://d.example/).\r\n" * 80_000,
    ],
    ids=["closing signs", "ats", "links"],
)
def test_a_large_message_of_many_links(text: bytes) -> None:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + text + b"\r\n"
    raw = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 6
    begin = time.process_time()
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example", states=STATES)
    for check in PLAIN:
        check.run(task)  # type: ignore[call-arg]
    assert len(task.message.urls) <= 1000
    assert len(task.message.emails) <= 1000
    assert time.process_time() - begin < 8  # 24 MB, once 60 s


def test_a_text_of_nothing_but_urls() -> None:
    # One above 64 Ki characters is none, whatever it holds; below, all URLs count.
    for number, found in ((3, True), (4000, True), (9000, False)):
        body = b"http://a.example\n" * (number * 16 // 17)
        task = Task(
            Message(b"X: y\n\n" + body), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example"
        )
        names = [finding.symbol for finding in url_only(task)]
        assert names == (["HFILTER_URL_ONLY"] if found else [])


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        (b"utf-7", b"http://www.ex+2AA-.com/"),
        (b"utf-16-le", "http://www.ex\ud800.com/".encode("utf-16-le", "surrogatepass")),
    ],
)
def test_half_a_character_switches_nothing_off(charset: bytes, body: bytes) -> None:
    raw = (
        b"Content-Type: text/plain; charset=" + charset + b"\n"
        b"Content-Transfer-Encoding: base64\n\n" + b64encode(body) + b"\n"
    )
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example", states=STATES)
    assert [finding.symbol for finding in url_only(task)] == ["HFILTER_URL_ONLY"]


def test_many_fields() -> None:
    raw = b"".join(name + b": " + b"<x@y>" * 40 + b"\n" for name in NAMES * 200) + b"\nbody"
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example", states=STATES)
    begin = time.process_time()
    for check in PLAIN:
        check.run(task)  # type: ignore[call-arg]
    assert time.process_time() - begin < 5
