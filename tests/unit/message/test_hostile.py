"""Whatever the bytes: nothing raises, and time and memory stay bounded."""

from __future__ import annotations

import resource
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filter_engine.message import Message

NAMES = st.sampled_from(
    b"From To Cc Sender Reply-To Subject Date Message-ID Received Content-Type "
    b"Content-Transfer-Encoding Content-Disposition X-\xff".split()
)
SIGNS = (
    b'< > @ " \\ ( ) , ; : =?utf-8?q? ?= =?x?b? message/rfc822 text/html base64 --x --x-- x-uue '
    b"quoted-printable name*0*=utf-8''% charset=utf-7 +2AA- a.example from by [1.2.3.4] www. "
    b"http:// multipart/mixed;boundary=x <a\fhref= &#x \xff\xfe \x00 =C3 [ipv6: GMT 2024 Jan begin"
)
PHRASES = (b" ", b"\r", b"\n ", b" by ", b"begin 644 x\n", b"1 Jan 2024 00:00:00 +0000")
WORDS = st.sampled_from((*SIGNS.split(b" "), *PHRASES))
VALUES = st.lists(st.one_of(WORDS, st.binary(max_size=8)), max_size=8).map(b"".join)
FIELDS = st.tuples(NAMES, VALUES).map(lambda field: field[0] + b": " + field[1])
BODIES = st.lists(st.one_of(WORDS, FIELDS, st.binary(max_size=16)), max_size=12).map(b"\n".join)
MESSAGES = st.tuples(
    st.lists(FIELDS, max_size=8), st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n", b""]), BODIES
).map(lambda made: b"\n".join(made[0]) + made[1] + made[2])


def look_at_everything(message: Message) -> None:
    """Touch every lazy attribute."""
    for field in message.headers:
        assert field.value.encode() is not None  # no lone surrogates
    for name in ("from_addresses", "sender", "reply_to", "to", "cc", "recipients", "date"):
        getattr(message, name)
    assert all(hop.timestamp is None or hop.timestamp < 1e12 for hop in message.received)
    assert message.message_id is None or message.message_id
    for part in message.parts:
        assert isinstance(part.content, bytes)
        assert part.text.encode() is not None
        assert part.visible_text.encode() is not None
        assert part.filename is None or part.filename
        assert part.is_attachment in (True, False)
    assert len(message.urls) <= 1000
    assert len(message.emails) <= 1000
    assert message.parts[0].parent is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MESSAGES)
def test_anything_like_a_message(raw: bytes) -> None:
    look_at_everything(Message(raw))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_anything_at_all(raw: bytes) -> None:
    look_at_everything(Message(raw))


def html(body: str) -> bytes:
    return b"Content-Type: text/html\n\n" + body.encode()


SIZE = 200_000
HOSTILE = {
    "quotes": b"To: " + b'"' * SIZE + b"\n\n",
    "escapes": b'To: "' + b"\\a" * (SIZE // 2) + b'"\n\n',
    "comments": b"To: " + b"(" * SIZE + b"\n\n",
    "angles": b"To: " + b"<" * SIZE + b"\n\n",
    "ats": b"To: " + b"@" * SIZE + b"\n\n",
    "commas": b"From: " + b"a@b.c," * (SIZE // 6) + b"\n\n",
    "dots": b"From: " + b"a." * (SIZE // 2) + b"@b\n\n",
    "words": b"Subject: " + b"=?a?q?x" * (SIZE // 7) + b"\n\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?x?= " * (SIZE // 14) + b"\n\n",
    "half words": b"Subject: " + b"=?" * (SIZE // 2) + b"\n\n",
    "folds": b"Subject: " + b"x\n " * (SIZE // 3) + b"\n\n",
    "parameters": b"Content-Type: a/b; " + b"x=y; " * (SIZE // 5) + b"\n\n",
    "spaced parameters": b"Content-Type: a/b; " + b"x = y " * (SIZE // 6) + b"\n\n",
    "quoted parameters": b'Content-Type: a/b; x="' + b"\\" * SIZE + b"\n\n",
    "received": b"Received: from a by " + b"( [" * (SIZE // 3) + b"\n\n",
    "received fields": b"Received: from a by b\n" * (SIZE // 22) + b"\n",
    "date": b"Date: " + b"(" * SIZE + b"\n\n",
    "delimiters": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * (SIZE // 4),
    "delimiters in a line": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x" * (SIZE // 3),
    "returns": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"\r--x" * (SIZE // 4),
    "base64 ends": b"Content-Transfer-Encoding: base64\nContent-Type: text/plain\n\n"
    + b"aGk=" * (SIZE // 4),
    "schemes": b"X: y\n\n" + b"http://" * (SIZE // 7),
    "brackets": b"X: y\n\nhttp://a.b/" + b")" * SIZE,
    "hosts": b"X: y\n\nhttp://" + b"a." * (SIZE // 2),
    "mails": b"X: y\n\n" + b"a@" * (SIZE // 2),
    "mail domains": b"X: y\n\na@" + b"a-" * (SIZE // 2),
    "open formatting": html("<p>" + "".join(f"<b a={n}>" for n in range(1500)) + "<p>x" * 1500),
    "open formatting in many parts": b"Content-Type: multipart/mixed; boundary=x\n\n"
    + (
        b"--x\nContent-Type: text/html\n\n<p>"
        + b"<b a=1><b a=2><b a=3>" * 30
        + b"<p>x" * 90
        + b"\n"
    )
    * 900,
    "open blocks": html("<div>" * 20_000 + "</p>" * 20_000),
    "open blocks in many parts": b"Content-Type: multipart/mixed; boundary=x\n\n"
    + (b"--x\nContent-Type: text/html\n\n" + b"<div>" * 20_000 + b"\n") * 20,
    "open items": html("<ul><li>" * 20_000),
    "attributes": html("<a " + " ".join(f"a{n}=1" for n in range(30_000)) + ">"),
    "many paddings": b"Content-Transfer-Encoding: base64\n\n" + b"A=" * (2 << 20),
    "many uuencoded lines": b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n"
    + b"M\n" * (2 << 20),
    "many short uuencoded lines": b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n"
    + b"!0\n" * (4 << 20),
    "many lines": b"a\n" * (2 << 20) + b"\n",
    "many fields": b"a:\n" * (2 << 20) + b"\n",
    "many froms": b"From:a@b.c\n" * 400_000 + b"\n",
    "many folds": b"a:\n" + b" \n" * (2 << 20) + b"\n",
    "many types": b"Content-Type:a/b;x=y\n" * 200_000 + b"\n",
    "closing signs": b"X: y\n\n" + (b"http://" + b")" * 4090 + b"\n") * 1000,
    "mixed closing signs": b"X: y\n\n" + (b"http://(" + b").]" * 1360 + b"\n") * 1000,
    "many mails": b"X: y\n\n" + b"a@" * (2 << 20),
    "many mail addresses": b"X: y\n\n" + b"a@a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a.a.a.a " * 100_000,
    "many schemes": b"X: y\n\n" + b"aa:// " * 700_000,
    "many slashless": b"X: y\n\n" + b"http:" * 800_000,
    "many slashless with commas": b"X: y\n\n" + b"http:a," * 500_000,
    "many slashless in hosts": b"X: y\n\n" + b"www.a,http:\\" * 300_000,
    "many hosts": b"X: y\n\n" + b"www. " * 800_000,
    "tables": html("<table><tr><td>" * 13_000),
}

PLAIN = {name for name in HOSTILE if name.startswith(("many ", "closing ", "mixed "))}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_and_memory_are_bounded(name: str) -> None:
    raw = HOSTILE[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    look_at_everything(Message(raw))
    seconds = time.process_time() - begin
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # What is quadratic costs minutes and gigabytes here; 4 MB of plain text are the largest.
    assert seconds < (5 if name in PLAIN else 10)
    assert after - before < 150 << 10  # KiB
