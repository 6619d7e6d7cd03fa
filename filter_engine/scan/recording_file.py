"""Reading a recording. It may come from anybody: everything is bounded and checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import zstandard

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.exchange import ExchangeStatus
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus
from filter_engine.scan.recording import UNANSWERED, VERSION
from filter_engine.scan.store import StoreStatus

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of a recording, uncompressed."""
MAX_LINE: Final = 16 * 1024 * 1024
MAX_SCANS: Final = 100_000
MAX_ANSWERS: Final = 100_000
"""Of one scan."""
_MAX_DEPTH: Final = 40
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_TEXTS: Final = frozenset({"A", "AAAA", "PTR", "CNAME", "NS", "SOA"})
_TYPES: Final = _TEXTS | {"MX", "TXT"}


class RecordingError(Exception):
    """A recording cannot be used; the message names the file and, where there is one, the line."""


class RecordedReply(NamedTuple):
    """The reply to the exchange of that ``key``."""

    key: str
    status: ExchangeStatus
    data: bytes = b""
    server: str = ""
    detail: str = ""


class RecordedAnswer(NamedTuple):
    """The answer to the question of that ``key`` to a store."""

    key: str
    status: StoreStatus
    value: Any = None
    server: str = ""
    detail: str = ""


@frozen
class Answered:
    """A recorded answer."""

    answer: DnsAnswer | RecordedReply | RecordedAnswer
    after: float | None
    """Seconds after the scan had begun, infinite when none came before it ended; None: at once,
    while the question was asked."""

    @property
    def asked(self) -> DnsQuestion | str:
        """The question, or the key of the exchange or of the question to a store."""
        answer = self.answer
        return answer.question if isinstance(answer, DnsAnswer) else answer.key


@frozen
class RecordedScan:
    """One scan: what was scanned, what the world answered, what came of it."""

    message: str
    """The digest of the message."""
    now: float
    envelope: Envelope
    answers: tuple[Answered, ...]
    reply: dict[str, Any] | None
    """None when the recording ends before the scan did."""
    time_real: float | None = None
    """Seconds that the scan took; None in recordings that do not tell."""


@frozen
class Recording:
    """A whole recording."""

    path: str
    engine: str
    server: str
    config: str
    maps: dict[str, str]
    scans: tuple[RecordedScan, ...]

    def scans_of(self, digest: str) -> tuple[RecordedScan, ...]:
        """The scans of a message, in their order."""
        return tuple(scan for scan in self.scans if scan.message == digest)


def read_recording(path: Path) -> Recording:
    """Read a file that ``Recorder`` wrote. Raises ``RecordingError``."""
    try:
        if not path.is_file():  # opening a FIFO would wait
            raise RecordingError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if data.startswith(_ZSTD_MAGIC):
            reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
            data = reader.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None
    except zstandard.ZstdError as error:
        raise RecordingError(f"{path}: cannot be decompressed: {error}") from None
    if len(data) > MAX_BYTES:
        raise RecordingError(f"{path}: larger than {MAX_BYTES // 1024 // 1024} MB")
    return _Reader(str(path)).read(data)


class _Reader:
    """Reads the lines of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._number = 0

    def read(self, data: bytes) -> Recording:
        lines = self._lines(data)
        head = next(lines, None)
        if head is None or "recording" not in head:
            self._number = 1
            raise self._error('not a recording: the first line has no "recording"')
        if head["recording"] != VERSION:
            raise self._error(
                f"version {head['recording']!r:.40} of the format; this engine reads {VERSION}"
            )
        maps = self._field(head, "maps", dict, {})
        if not all(isinstance(digest, str) for digest in maps.values()):
            raise self._error('"maps" has a digest that is no text')
        recording = Recording(
            self._path,
            self._field(head, "engine", str, ""),
            self._field(head, "server", str, ""),
            self._field(head, "config", str, ""),
            maps,
            tuple(self._scans(lines)),
        )
        if not recording.scans:
            raise self._error("no message was recorded")
        return recording

    def _lines(self, data: bytes) -> Iterator[dict[str, Any]]:
        start = 0
        while start < len(data):
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            line = data[start:end]
            start = end + 1
            self._number += 1
            if not line.strip():
                continue
            if len(line) > MAX_LINE:
                raise self._error(f"the line is longer than {MAX_LINE} octets")
            try:
                if line.count(b"[") + line.count(b"{") > _MAX_DEPTH:
                    _check_depth(line)
                content = json.loads(line)
            except (ValueError, RecursionError):
                hint = "; the file was cut off" if end == len(data) else ""
                raise self._error(f"no JSON{hint}") from None
            if not isinstance(content, dict):
                raise self._error("no JSON object")
            yield content

    def _scans(self, lines: Iterator[dict[str, Any]]) -> Iterator[RecordedScan]:
        head: dict[str, Any] | None = None
        answers: list[Answered] = []
        found = 0
        for line in lines:
            if "message" in line:
                if head is not None:
                    yield self._scan(head, answers, None)
                head, answers = self._scan_head(line), []
                found += 1
                if found > MAX_SCANS:
                    raise self._error(f"more than {MAX_SCANS} messages")
            elif head is None:
                raise self._error('expected a line with "message"')
            elif "dns" in line or "exchange" in line or "store" in line:
                if len(answers) >= MAX_ANSWERS:
                    raise self._error(f"more than {MAX_ANSWERS} answers for one message")
                if "store" in line:
                    answers.append(self._stored(line))
                else:
                    answers.append(self._answered(line) if "dns" in line else self._replied(line))
            elif "reply" in line:
                took = self._number_of(line, "time_real") if "time_real" in line else None
                yield self._scan(head, answers, self._field(line, "reply", dict), took)
                head = None
            else:
                raise self._error('expected one of "message", "dns", "exchange", "store", "reply"')
        if head is not None:
            yield self._scan(head, answers, None)

    def _scan_head(self, line: dict[str, Any]) -> dict[str, Any]:
        return {
            "message": self._field(line, "message", str),
            "now": self._number_of(line, "now"),
            "envelope": self._envelope(self._field(line, "envelope", dict, {})),
        }

    @staticmethod
    def _scan(
        head: dict[str, Any],
        answers: list[Answered],
        reply: dict[str, Any] | None,
        took: float | None = None,
    ) -> RecordedScan:
        return RecordedScan(
            head["message"], head["now"], head["envelope"], tuple(answers), reply, took
        )

    def _envelope(self, found: dict[str, Any]) -> Envelope:
        known = {field.name for field in fields(Envelope)}
        unknown = sorted(set(found) - known)
        if unknown:
            raise self._error(f"the envelope has no {unknown[0]!r:.60}")
        values = dict(found)
        for name in ("rcpt_to", "flags"):
            listed = values.pop(name, [])
            if not _is_texts(listed):
                raise self._error(f'"{name}" is no list of texts')
            values[name] = tuple(listed) if name == "rcpt_to" else frozenset(listed)
        headers = values.pop("request_headers", [])
        if not isinstance(headers, list) or not all(
            _is_texts(pair) and len(pair) == 2 for pair in headers
        ):
            raise self._error('"request_headers" is no list of pairs')
        for name, value in values.items():
            if name not in ("rcpt_to", "flags") and not isinstance(value, str):
                raise self._error(f'"{name}" of the envelope is no text')
        try:
            values["request_headers"] = tuple(
                (name.encode("latin-1"), text.encode("latin-1")) for name, text in headers
            )
        except UnicodeEncodeError:
            raise self._error("a header of the request is no octets") from None
        return Envelope(**values)

    def _answered(self, line: dict[str, Any]) -> Answered:
        dns = self._field(line, "dns", dict)
        rdtype = self._field(dns, "type", str)
        if rdtype not in _TYPES:
            raise self._error(f"unknown type {rdtype!r:.40}")
        question = DnsQuestion(self._field(dns, "name", str), rdtype)
        if dns.get("status") == UNANSWERED:
            return Answered(DnsAnswer(question, DnsStatus.TEMPFAIL), math.inf)
        try:
            status = DnsStatus(dns.get("status"))
        except ValueError:
            raise self._error(f"unknown status {dns.get('status')!r:.40}") from None
        records = self._field(dns, "records", list, [])
        answer = DnsAnswer(
            question,
            status,
            tuple(self._record(rdtype, record) for record in records),
            self._field(dns, "ttl", int, 0),
            self._field(dns, "detail", str, ""),
        )
        after = None if line.get("after") is None else self._number_of(line, "after")
        return Answered(answer, after)

    def _replied(self, line: dict[str, Any]) -> Answered:
        found = self._field(line, "exchange", dict)
        key = self._field(found, "key", str)
        if found.get("status") == UNANSWERED:
            return Answered(RecordedReply(key, ExchangeStatus.TIMEOUT), math.inf)
        try:
            status = ExchangeStatus(found.get("status"))
            data = self._field(found, "data", str).encode("latin-1")
        except UnicodeEncodeError:
            raise self._error('"data" is no octets') from None
        except ValueError:
            raise self._error(f"unknown status {found.get('status')!r:.40}") from None
        server, detail = (self._field(found, name, str, "") for name in ("server", "detail"))
        after = None if line.get("after") is None else self._number_of(line, "after")
        return Answered(RecordedReply(key, status, data, server, detail), after)

    def _stored(self, line: dict[str, Any]) -> Answered:
        found = self._field(line, "store", dict)
        key = self._field(found, "key", str)
        if found.get("status") == UNANSWERED:
            return Answered(RecordedAnswer(key, StoreStatus.TIMEOUT), math.inf)
        try:
            status = StoreStatus(found.get("status"))
            value = self._value(found.get("value"))
        except UnicodeEncodeError:
            raise self._error('"value" is no octets') from None
        except ValueError:
            raise self._error(f"unknown status {found.get('status')!r:.40}") from None
        server, detail = (self._field(found, name, str, "") for name in ("server", "detail"))
        after = None if line.get("after") is None else self._number_of(line, "after")
        return Answered(RecordedAnswer(key, status, value, server, detail), after)

    def _value(self, value: Any) -> Any:
        """What a store answered; lines of JSON are not nested deeper than the stack allows."""
        if isinstance(value, str):
            return value.encode("latin-1")
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if value is None or type(value) is int:
            return value
        raise self._error('"value" is nothing that a store answers')

    def _record(self, rdtype: str, record: Any) -> Any:
        if rdtype == "MX":
            if (
                isinstance(record, list)
                and len(record) == 2
                and type(record[0]) is int
                and isinstance(record[1], str)
            ):
                return (record[0], record[1])
        elif isinstance(record, str):
            if rdtype != "TXT":
                return record
            try:
                return record.encode("latin-1")
            except UnicodeEncodeError:
                pass
        raise self._error(f"a record that is none of type {rdtype}")

    def _number_of(self, line: dict[str, Any], name: str) -> float:
        value = line.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
            return float(value)
        raise self._error(f'"{name}" is no number of seconds')

    def _field(self, line: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
        value = line.get(name, default)
        if type(value) is not kind:
            raise self._error(f'"{name}" is missing or of the wrong type')
        return value

    def _error(self, message: str) -> RecordingError:
        return RecordingError(f"{self._path}:{self._number}: {message}")


def _is_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(item, str) for item in found)


def _check_depth(line: bytes) -> None:
    """Raise ValueError for JSON that is nested deeper than any recording is."""
    depth, in_text, skip = 0, False, False
    for char in line:
        if skip:
            skip = False
        elif in_text:
            skip = char == 0x5C
            in_text = char != 0x22
        elif char == 0x22:
            in_text = True
        elif char in b"[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise ValueError("nested too deeply")
        elif char in b"]}":
            depth -= 1
