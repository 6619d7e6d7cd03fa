"""A recorded scan can be done again without the world, and the verdict is the same."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from filter_engine.dns.table import TableResolver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.recording import Recorder, message_digest
from filter_engine.scan.recording_file import Recording, RecordingError, read_recording
from filter_engine.scan.replay import Replay, ReplayLoop
from filter_engine.scanner import Scanner
from filter_engine.wire.checkv2 import as_dict

NOW = 1_800_000_000.0
MAIL = b"""\
From: Bob <bob@sender.example>
To: alice@example.net
Subject: Lunch
Date: Fri, 15 Jan 2027 07:00:00 +0000
Message-ID: <1@sender.example>

See http://shop.example/ and http://other.example/x
"""
ENVELOPE = Envelope(
    ip="198.51.100.7",
    helo="mx.sender.example",
    mail_from="bob@sender.example",
    rcpt_to=("alice@example.net",),
    request_headers=((b"password", b"secret"), (b"x-note", b"\xff")),
    flags=frozenset({"milter"}),
)
ZONE: dict[str, dict[str, list[Any]]] = {
    "sender.example": {
        "TXT": [b"v=spf1 mx -all", b"\xff\x00 no text"],
        "MX": [(10, "mx.sender.example")],
    },
    "mx.sender.example": {"A": ["198.51.100.7"], "AAAA": ["2001:db8::7"]},
    "_dmarc.sender.example": {"TXT": [b"v=DMARC1; p=reject"]},
    "7.100.51.198.zen.spamhaus.org": {"A": ["127.0.0.2", "127.0.0.4"]},
}
Make = Callable[..., Scanner]


class Slow:
    """A network: answers come late, in no order, some at once, some never."""

    def __init__(self, seed: int, *, lost: str = "") -> None:
        self._table = TableResolver(ZONE)
        self._random = random.Random(seed)
        self._lost = lost
        self.asked: list[DnsQuestion] = []

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        self.asked.append(question)
        if self._lost and question.name.endswith(self._lost):
            return
        answer = self._table.answer(question)
        delay = self._random.choice((0.0, 0.01, 0.3, 1.7))
        if delay:
            asyncio.get_running_loop().call_later(delay * self._random.random(), done, answer)
        else:
            done(answer)


def record(scanner: Scanner, transport: Slow, path: Path, *mails: bytes) -> list[dict[str, Any]]:
    """Scan with a recording; the replies without the time they took."""
    file = io.BytesIO()
    recorder = Recorder(file, lambda: NOW)
    scanner.transport = recorder.around(transport)
    scanner._clock = recorder.clock

    async def run() -> list[dict[str, Any]]:
        recorder.head(engine="1", server="mx1", config="c", maps={"/m": "d"})
        replies = []
        for mail in mails:
            recorder.begin(mail, ENVELOPE)
            reply = as_dict(await scanner.scan(mail, ENVELOPE))
            recorder.end(reply)
            replies.append(reply)
        return replies

    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        replies = runner.run(run())
    path.write_bytes(file.getvalue())
    return [_lasting(reply) for reply in replies]


def replayed(
    scanner: Scanner, recording: Recording, number: int, mail: bytes
) -> tuple[dict[str, Any], Replay]:
    """The reply by a recording."""
    replay = Replay(recording)
    scanner.transport = replay
    scanner._clock = replay.clock

    async def run() -> dict[str, Any]:
        replay.begin(recording.scans[number])
        return as_dict(await scanner.scan(mail, recording.scans[number].envelope))

    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        return _lasting(runner.run(run())), replay


def _lasting(reply: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reply.items() if key != "time_real"}


@pytest.mark.parametrize("seed", range(5))
def test_a_replay_gives_the_same_reply(make: Make, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "r.jsonl"
    network = Slow(seed)
    replies = record(make(), network, path, MAIL)
    recording = read_recording(path)
    again, replay = replayed(make(), recording, 0, MAIL)
    assert len(network.asked) > 10
    assert json.dumps(again) == json.dumps(replies[0])  # the order of symbols and options too
    assert recording.scans[0].reply == replies[0]
    assert not replay.missing
    assert "R_SPF_ALLOW" in replies[0]["symbols"]
    assert "RBL_SPAMHAUS_SBL" in replies[0]["symbols"]


def test_a_question_that_was_lost_is_lost_again(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    replies = record(make(), Slow(1, lost="_dmarc.sender.example"), path, MAIL)
    again, replay = replayed(make(), read_recording(path), 0, MAIL)
    assert "DMARC_DNSFAIL" in replies[0]["symbols"]
    assert again == replies[0]
    assert not replay.missing


def test_the_deadline_of_a_recording_comes_again(make: Make, tmp_path: Path) -> None:
    options = "task_timeout = 1s; soft_reject_on_timeout = true;\n"
    files = {"options__inc": options, "actions__conf": "reject = 100;\n"}
    path = tmp_path / "r.jsonl"
    replies = record(make(**files), Slow(3, lost="_dmarc.sender.example"), path, MAIL)
    again, _ = replayed(make(**files), read_recording(path), 0, MAIL)
    assert replies[0]["action"] == "soft reject"
    assert again == replies[0]


def test_each_message_has_its_own_answers(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    other = MAIL.replace(b"Lunch", b"Dinner")
    replies = record(make(), Slow(4), path, MAIL, other, MAIL)
    recording = read_recording(path)
    assert [scan.message for scan in recording.scans_of(message_digest(MAIL))] == [
        message_digest(MAIL)
    ] * 2
    for number, mail in ((1, other), (0, MAIL)):
        again, replay = replayed(make(), recording, number, mail)
        assert again["symbols"].keys() == replies[number]["symbols"].keys()
        assert not replay.missing  # what was asked of an earlier message only is known too


def test_a_question_that_nobody_recorded_is_named(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record(make(), Slow(5), path, MAIL)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "_dmarc.sender.example" not in line))
    _, replay = replayed(make(), read_recording(path), 0, MAIL)
    assert DnsQuestion("_dmarc.sender.example", "TXT") in replay.missing


def test_what_a_recording_holds(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record(make(), Slow(6), path, MAIL)
    recording = read_recording(path)
    assert (recording.engine, recording.server, recording.config) == ("1", "mx1", "c")
    assert recording.maps == {"/m": "d"}
    scan = recording.scans[0]
    assert scan.now == NOW
    assert scan.envelope == ENVELOPE
    assert scan.envelope.flags == ENVELOPE.flags
    assert scan.envelope.request_headers == ((b"x-note", b"\xff"),)
    assert b"secret" not in path.read_bytes()
    known = {each.asked: each.answer for each in scan.answers if isinstance(each.answer, DnsAnswer)}
    table = TableResolver(ZONE)
    assert known == {question: table.answer(question) for question in known}


def test_a_compressed_recording_is_read(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record(make(), Slow(7), path, MAIL)
    packed = tmp_path / "r.jsonl.zst"
    packed.write_bytes(zstandard.compress(path.read_bytes()))
    assert read_recording(packed).scans == read_recording(path).scans


HEAD = '{"recording": 1}\n'
SCAN = '{"message": "00", "now": 1.0, "envelope": {}}\n'
ANSWER = '{"dns": {"name": "a.example", "type": "A", "status": "ok", "records": ["192.0.2.1"]}}\n'
HOSTILE = {
    "": "1: not a recording",
    "\x00\x01": "1: no JSON",
    "[1]": "1: no JSON object",
    '{"recording": 2}\n': "1: version 2 of the format; this engine reads 1",
    HEAD: "no message was recorded",
    '{"recording": 1, "maps": {"a": 1}}\n' + SCAN: '"maps" has a digest that is no text',
    HEAD + ANSWER: '2: expected a line with "message"',
    HEAD + SCAN + '{"message"': "3: no JSON; the file was cut off",
    HEAD + SCAN + "{}": '3: expected one of "message", "dns", "exchange", "store", "reply"',
    HEAD + SCAN + "[" * 100_000 + "\n": "3: no JSON",
    HEAD + '{"message": 1}': '2: "message" is missing or of the wrong type',
    HEAD + SCAN.replace("1.0", "NaN"): '2: "now" is no number of seconds',
    HEAD + SCAN.replace("1.0", "true"): '2: "now" is no number of seconds',
    HEAD + SCAN.replace("{}", '{"spam": 1}'): "2: the envelope has no 'spam'",
    HEAD + SCAN.replace("{}", '{"ip": 1}'): '2: "ip" of the envelope is no text',
    HEAD + SCAN.replace("{}", '{"rcpt_to": "a"}'): '2: "rcpt_to" is no list of texts',
    HEAD + SCAN.replace("{}", '{"request_headers": [["a"]]}'): "no list of pairs",
    HEAD + SCAN.replace("{}", '{"request_headers": [["a", "\\u1234"]]}'): "is no octets",
    HEAD + SCAN + ANSWER.replace('"A"', '"ANY"'): "3: unknown type 'ANY'",
    HEAD + SCAN + ANSWER.replace("ok", "well"): "3: unknown status 'well'",
    HEAD + SCAN + ANSWER.replace('"192.0.2.1"', "1"): "3: a record that is none of type A",
    HEAD + SCAN + ANSWER.replace('"A"', '"MX"'): "3: a record that is none of type MX",
    HEAD + SCAN + ANSWER.replace('"A"', '"TXT"').replace("192.0.2.1", "\\u1234"): "type TXT",
    HEAD + SCAN + ANSWER.replace("]}", '], "ttl": "x"}'): '3: "ttl" is missing or of the wrong',
}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_broken_recording_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(RecordingError) as error:
        read_recording(path)
    assert str(error.value).startswith(f"{path}:")
    assert HOSTILE[text] in str(error.value)


def test_what_is_no_file_or_no_zstd_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such file"):
        read_recording(tmp_path / "none")
    with pytest.raises(RecordingError, match="not a file"):
        read_recording(tmp_path)
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x28\xb5\x2f\xfd garbage")
    with pytest.raises(RecordingError, match="decompressed"):
        read_recording(bad)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filter_engine.scan.recording_file.MAX_BYTES", 1024 * 1024)
    bomb = tmp_path / "bomb.zst"
    bomb.write_bytes(zstandard.compress(b" " * 50_000_000))
    with pytest.raises(RecordingError, match="larger than 1 MB"):
        read_recording(bomb)


@given(data=st.binary(max_size=300), at=st.integers(0, 400))
def test_damaged_recordings_raise_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    whole = (HEAD + SCAN + ANSWER + '{"reply": {}}\n').encode()
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    found: RecordingError | Recording
    try:
        found = read_recording(path)
    except RecordingError as error:
        found = error
    assert str(path) in str(found) if isinstance(found, RecordingError) else found.scans
