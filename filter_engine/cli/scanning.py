"""Scanning for commands: live, live and recorded, or by a recording. What the site remembers is
asked and left as it is: nobody has received this mail.

Exit status 3: a recording cannot be read, has nothing of the message, or lacks an answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import click
import zstandard

from filter_engine import __version__
from filter_engine.cli.envelope import envelope_of
from filter_engine.cli.exit_status import PARTLY
from filter_engine.cli.options import fail
from filter_engine.config.annotate import printable
from filter_engine.config.model import Config
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps.revision import revisions
from filter_engine.scan.recording import Recorder, message_digest
from filter_engine.scan.recording_file import (
    RecordedScan,
    Recording,
    RecordingError,
    read_recording,
)
from filter_engine.scan.replay import Replay, ReplayLoop
from filter_engine.scan.trace import Trace
from filter_engine.scan.verdict import Verdict
from filter_engine.scanner import Scanner
from filter_engine.wire.checkv2 import as_dict
from filter_engine.workers.config_id import config_id

_MOST_NAMED = 10
"""Questions that an error names."""

F = TypeVar("F", bound=Callable[..., Any])


@frozen
class Scanned:
    """One message's verdict, and how it came about."""

    path: Path
    verdict: Verdict
    trace: Trace
    differs: bool = False
    """A replay's verdict is not the recorded one."""


def recording_options(command: F) -> F:
    """Add ``--record FILE`` and ``--replay FILE`` (arguments ``record`` and ``replay``)."""
    command = click.option(
        "--replay",
        type=click.Path(path_type=Path),
        help="Take clock, envelope and all answers from FILE; nothing is asked.",
        metavar="FILE",
    )(command)
    return click.option(
        "--record",
        type=click.Path(path_type=Path),
        help="Write clock, envelope and all answers to FILE (compressed when it ends with .zst).",
        metavar="FILE",
    )(command)


def read_message(path: Path) -> bytes:
    """The message of a file, or of standard input for ``-``; ends the program on failure."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")


def scan_messages(
    config: Config,
    messages: list[tuple[Path, bytes]],
    given: dict[str, Any],
    *,
    record: Path | None = None,
    replay: Path | None = None,
) -> list[Scanned]:
    """Scan messages one after the other; ``given`` are the options of the envelope."""
    if record is not None and replay is not None:
        raise click.UsageError("--record and --replay exclude each other")
    _check_settings_id(config, given.get("settings_id"))
    if replay is not None:
        return _replayed(config, messages, given, replay)
    if record is not None:
        try:
            with _written(record) as file:
                return asyncio.run(_live(config, messages, given, Recorder(file, time.time)))
        except OSError as error:
            fail(f"cannot write {record}: {error.strerror or error}")
    return asyncio.run(_live(config, messages, given, None))


def _check_settings_id(config: Config, name: str | None) -> None:
    """Raises ``click.BadParameter`` for settings that the configuration does not have."""
    known = sorted(rule.id or key for key, rule in config.settings.items())
    if name is None or name in known:
        return
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    raise click.BadParameter(
        f"no settings have the id {name!r}; {hint}", param_hint="--settings-id"
    )


async def _live(
    config: Config,
    messages: list[tuple[Path, bytes]],
    given: dict[str, Any],
    recorder: Recorder | None,
) -> list[Scanned]:
    clock = time.time if recorder is None else recorder.clock
    scanner = Scanner.from_config(config, clock=clock)
    scanner.open(asyncio.get_running_loop(), trial=True)
    if recorder is not None:
        assert scanner.transport is not None
        scanner.transport = recorder.around(scanner.transport)
        recorder.head(
            engine=__version__,
            server=scanner.server,
            config=config_id(config),
            maps=revisions(scanner.maps),
        )
    envelope = envelope_of(given)
    done: list[Scanned] = []
    try:
        for path, raw in messages:
            if recorder is not None:
                recorder.begin(raw, envelope)
            traces: list[Trace] = []
            verdict = await scanner.scan(raw, envelope, trace=traces.append)
            if recorder is not None:
                recorder.end(as_dict(verdict))
            done.append(Scanned(path, verdict, traces[0]))
    finally:
        scanner.close()
    return done


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner may read: it says who wrote to whom."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if path.suffix != ".zst":
            yield file
            return
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as compressed:
            yield cast("BinaryIO", compressed)


def _replayed(
    config: Config, messages: list[tuple[Path, bytes]], given: dict[str, Any], path: Path
) -> list[Scanned]:
    try:
        recording = read_recording(path)
    except RecordingError as error:
        fail(f"{error}", PARTLY)
    scans = _scans(recording, messages)
    with asyncio.Runner(loop_factory=ReplayLoop) as runner:
        return runner.run(_by_recording(config, messages, given, recording, scans))


def _scans(recording: Recording, messages: list[tuple[Path, bytes]]) -> list[RecordedScan]:
    """The recorded scan of each message; the second time a message is given, its second one."""
    found: list[RecordedScan] = []
    seen = Counter[str]()
    for path, raw in messages:
        digest = message_digest(raw)
        known = recording.scans_of(digest)
        if not known:
            count = len({scan.message for scan in recording.scans})
            fail(
                f"{recording.path} has no scan of {path} (SHA-256 {digest}); it is about "
                f"{count} other message{'' if count == 1 else 's'}. Record it again with --record",
                PARTLY,
            )
        found.append(known[min(seen[digest], len(known) - 1)])
        seen[digest] += 1
    return found


async def _by_recording(
    config: Config,
    messages: list[tuple[Path, bytes]],
    given: dict[str, Any],
    recording: Recording,
    scans: list[RecordedScan],
) -> list[Scanned]:
    replay = Replay(recording)
    scanner = Scanner.from_config(
        config, transport=replay, clock=replay.clock, server=recording.server or None
    )
    _tell_changes(recording, config, scanner)
    done: list[Scanned] = []
    for (path, raw), recorded in zip(messages, scans, strict=True):
        replay.begin(recorded)
        traces: list[Trace] = []
        envelope = envelope_of(given, recorded.envelope)
        verdict = await scanner.scan(raw, envelope, trace=traces.append)
        if replay.missing:
            names = [str(question) for question in replay.missing]
            more = len(names) - _MOST_NAMED
            fail(
                f"{recording.path} has no answer, for {path}, to: "
                + ", ".join(names[:_MOST_NAMED])
                + (f" and {more} more" if more > 0 else "")
                + ". Configuration, envelope or engine are not those it was made with; "
                "record again with --record",
                PARTLY,
            )
        differs = recorded.reply is not None and recorded.reply != _comparable(verdict)
        if differs:
            click.echo(f"filter-engine: {path}: the verdict is not the recorded one", err=True)
        if recorded.time_real is not None:
            verdict = replace(verdict, time_real=recorded.time_real)
        done.append(Scanned(path, verdict, traces[0], differs))
    return done


def _comparable(verdict: Verdict) -> dict[str, Any]:
    """A reply as a recording has it."""
    reply = as_dict(verdict)
    del reply["time_real"]
    return reply


def _tell_changes(recording: Recording, config: Config, scanner: Scanner) -> None:
    """Say what else than the answers may change a verdict."""
    if recording.engine != __version__:
        message = f"recorded by engine {printable(recording.engine)}, this is {__version__}"
        click.echo(f"filter-engine: {recording.path}: {message}", err=True)
    if recording.config != config_id(config):
        message = "recorded with another configuration"
        click.echo(f"filter-engine: {recording.path}: {message}", err=True)
    now = revisions(scanner.maps)
    for place in sorted(now.keys() | recording.maps.keys()):
        if now.get(place) != recording.maps.get(place):
            what = "has another content than" if place in now else "is not in use as"
            click.echo(f"filter-engine: map {printable(place)} {what} when recorded", err=True)
