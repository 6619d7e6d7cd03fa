"""Exchanges with services are recorded and replayed as DNS answers are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from filter_engine.config.upstreams import parse_upstreams
from filter_engine.dns.table import TableResolver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.exchange import Exchange, Exchanges, ExchangeStatus, Reply
from filter_engine.scan.recording import Recorder
from filter_engine.scan.recording_file import RecordingError, read_recording
from filter_engine.scan.replay import Replay, ReplayLoop

SERVERS = parse_upstreams("127.0.0.1:3310", 0)
FOUND, FAILED, LOST, NEVER = (Exchange(SERVERS, text) for text in (b"a", b"b", b"c", b"d"))


class Service(TableResolver):
    """Knows two answers, and never gives a third."""

    def exchange(self, question: Exchange, done: Callable[[Reply], None]) -> None:
        if question == FOUND:
            done(Reply(question, ExchangeStatus.OK, b"\x00\xff found", "127.0.0.1:3310"))
        elif question == FAILED:
            done(Reply(question, ExchangeStatus.TIMEOUT, detail="no reply in time"))


async def recorded(file: io.BytesIO) -> list[Reply]:
    replies: list[Reply] = []
    recorder = Recorder(file, lambda: 5.0)
    recorder.head(engine="1", server="here", config="", maps={})
    transport = recorder.around(Service({}))
    assert isinstance(transport, Exchanges)
    recorder.begin(b"mail", Envelope())
    for question in (FOUND, FAILED, LOST):
        transport.exchange(question, replies.append)
    recorder.end({"action": "no action"})
    return replies


def test_replay_gives_the_same_replies(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    loop = ReplayLoop()
    file = io.BytesIO()
    replies = loop.run_until_complete(recorded(file))
    path.write_bytes(file.getvalue())
    recording = read_recording(path)
    again: list[Reply] = []

    async def replay() -> Replay:
        made = Replay(recording)
        made.begin(recording.scans[0])
        for question in (FOUND, FAILED, LOST, NEVER):
            made.exchange(question, again.append)
        return made

    made = loop.run_until_complete(replay())
    loop.close()
    assert again[:2] == replies
    assert again[2] == Reply(NEVER, ExchangeStatus.UNKNOWN, detail="not in the recording")
    assert len(again) == 3  # the lost one stays lost: the deadline ends it
    assert made.missing == [NEVER]


def test_without_connections_the_recorder_says_so(tmp_path: Path) -> None:
    replies: list[Reply] = []

    async def main() -> None:
        recorder = Recorder(io.BytesIO(), lambda: 5.0)
        recorder.begin(b"mail", Envelope())
        transport = recorder.around(TableResolver({}))
        assert isinstance(transport, Exchanges)
        transport.exchange(FOUND, replies.append)

    loop = ReplayLoop()
    loop.run_until_complete(main())
    loop.close()
    assert replies[0].status is ExchangeStatus.UNKNOWN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "perhaps"}, "unknown status 'perhaps'"),
        ({"data": "\u20ac"}, '"data" is no octets'),
        ({"key": 7}, '"key" is missing or of the wrong type'),
    ],
)
def test_bad_lines(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "recording"
    loop = ReplayLoop()
    file = io.BytesIO()
    loop.run_until_complete(recorded(file))
    loop.close()
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    lines[2]["exchange"] |= change
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RecordingError, match=message):
        read_recording(path)
