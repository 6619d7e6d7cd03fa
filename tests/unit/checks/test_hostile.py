"""No header makes a check slow, whatever is repeated in it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task

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


@pytest.mark.parametrize("repeated", [*REPEATED, *PHRASES], ids=repr)
def test_repetition(repeated: bytes) -> None:
    size = 30_000
    value = repeated * (size // len(repeated)) + b"."
    raw = b"".join(name + b": <x" + value + b"\n" for name in NAMES) + b"\nbody"
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example")
    slow: dict[str, float] = {}
    for check in PLAIN:
        run: Callable[[Task], object] = check.run  # type: ignore[assignment]
        begin = time.process_time()
        run(task)
        seconds = time.process_time() - begin
        if seconds > 1.0:
            slow[check.name] = seconds
    assert slow == {}


def test_many_fields() -> None:
    raw = b"".join(name + b": " + b"<x@y>" * 40 + b"\n" for name in NAMES * 200) + b"\nbody"
    task = Task(Message(raw), Envelope(ip="192.0.2.1"), {}, 1.8e9, "test.example")
    begin = time.process_time()
    for check in PLAIN:
        check.run(task)  # type: ignore[call-arg]
    assert time.process_time() - begin < 5
