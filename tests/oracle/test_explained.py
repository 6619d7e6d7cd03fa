"""Over real messages: every finding has evidence, and a replay gives the reply of its recording."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from filter_engine.cli.loading import symbol_defaults
from filter_engine.dns.table import TableResolver
from filter_engine.explain.explanation import explain
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.recording import Recorder
from filter_engine.scan.recording_file import read_recording
from filter_engine.scan.replay import Replay, ReplayLoop
from filter_engine.scan.trace import Trace
from filter_engine.scanner import Scanner
from filter_engine.wire.checkv2 import as_dict

from .ours import scanner
from .recording import RECORDED, ZONE, Sample, missing, samples

if missing():
    pytest.skip(f"no {missing()}; set ORACLE_DIR", allow_module_level=True)

SAMPLES = tuple(islice(samples(), 0, None, 7))
"""A seventh of the recording: 215 messages."""


class Slow:
    """The recording's zone; answers come late and in no order, some never."""

    def __init__(self) -> None:
        self._zone = TableResolver.from_zone(ZONE.read_text())
        self._random = random.Random(1)

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        answer, luck = self._zone.answer(question), self._random.random()
        if luck < 0.2:
            done(answer)
        elif luck < 0.98:
            asyncio.get_running_loop().call_later(2.0 * self._random.random(), done, answer)


def envelope(sample: Sample) -> Envelope:
    said = sample.envelope
    return Envelope(
        ip=said.get("ip"),
        helo=said.get("helo"),
        hostname=said.get("hostname"),
        mail_from=said.get("frm"),
        rcpt_to=tuple(said.get("rcpt") or ()),
    )


def test_every_finding_has_evidence() -> None:
    engine = scanner()
    defaults = symbol_defaults(engine.config)
    without: set[str] = set()
    wrong: list[str] = []

    async def look(sample: Sample) -> None:
        traces: list[Trace] = []
        verdict = await engine.scan(sample.raw, envelope(sample), trace=traces.append)
        found = explain(verdict, traces[0], engine.config, defaults)
        without.update(symbol.name for symbol in found.symbols if not symbol.evidence)
        if found.decided_by is None and abs(found.sum - found.score) > 1e-9:
            wrong.append(sample.path)

    with asyncio.Runner() as runner:
        for sample in SAMPLES:
            runner.run(look(sample))
    assert len(SAMPLES) >= 200
    assert without == set()
    assert wrong == []


def test_a_replay_gives_the_recorded_replies(tmp_path: Path) -> None:
    file, engine = io.BytesIO(), scanner()
    recorder = Recorder(file, lambda: RECORDED)
    engine.transport = recorder.around(Slow())

    async def record() -> None:
        recorder.head(engine="", server="mx1", config="", maps={})
        for sample in SAMPLES:
            recorder.begin(sample.raw, envelope(sample))
            recorder.end(as_dict(await engine.scan(sample.raw, envelope(sample))))

    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        runner.run(record())
    path = tmp_path / "recording.jsonl"
    path.write_bytes(file.getvalue())
    recording = read_recording(path)
    assert [scan.envelope for scan in recording.scans] == [envelope(s) for s in SAMPLES]
    replay, again = Replay(recording), scanner()
    again.transport = replay
    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        for sample, scan in zip(SAMPLES, recording.scans, strict=True):
            reply = runner.run(_replayed(again, replay, scan, sample))
            assert json.dumps(reply) == json.dumps(scan.reply), sample.path
            assert replay.missing == []


async def _replayed(engine: Scanner, replay: Replay, scan: Any, sample: Sample) -> dict[str, Any]:
    replay.begin(scan)
    reply = as_dict(await engine.scan(sample.raw, scan.envelope))
    del reply["time_real"]
    return reply
