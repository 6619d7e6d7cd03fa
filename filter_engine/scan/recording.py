"""Recordings: everything a scan learnt from the world, so that it can be scanned again without it.

A recording is lines of JSON, plain or compressed (zstd). The first is a head with the format's
version, the engine, the host's name and the maps' revisions. Then, of each message: a line with its
digest, the clock and the envelope; a line for each answer in the order they came; a line with the
reply that followed. Octets stand as the characters U+0000 to U+00FF.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, BinaryIO, Final

from filter_engine.scan.driver import Transport
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.exchange import Exchange, Exchanges, ExchangeStatus, Reply
from filter_engine.scan.question import DnsAnswer, DnsQuestion
from filter_engine.scan.store import StoreAnswer, StoreQuestion, Stores, StoreStatus

VERSION: Final = 1
UNANSWERED: Final = "unanswered"
"""The status of a question that had no answer when its scan ended."""

_SECRET_HEADERS: Final = frozenset({b"authorization", b"cookie", b"password"})
"""Headers of a scan request that nobody needs to scan again."""


class Recorder:
    """Writes a recording of the scans of one scanner, one after the other.

    ``around`` gives the transport that the scanner has to use, ``clock`` its clock. Call ``begin``
    before each scan and ``end`` after it. What comes in between two scans is nobody's and left out.
    """

    def __init__(self, file: BinaryIO, clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._now = 0.0
        self._began = 0.0
        self._number = 0
        self._open = False
        self._unanswered: dict[DnsQuestion | Exchange | StoreQuestion, None] = {}

    def head(self, *, engine: str, server: str, config: str, maps: Mapping[str, str]) -> None:
        """The first line; ``config`` and ``maps`` are digests. Raises OSError, as all others do."""
        self._line(
            {
                "recording": VERSION,
                "engine": engine,
                "server": server,
                "config": config,
                "maps": dict(maps),
            }
        )

    def clock(self) -> float:
        """The time of the scan that has begun; it stands still."""
        return self._now

    def begin(self, raw: bytes, envelope: Envelope) -> None:
        """A scan begins, in the running event loop."""
        self._number += 1
        self._open = True
        self._unanswered = {}
        self._now = self._clock()
        self._began = asyncio.get_running_loop().time()
        self._line(
            {
                "message": message_digest(raw),
                "size": len(raw),
                "now": self._now,
                "envelope": envelope_as_dict(envelope),
            }
        )

    def end(self, reply: Mapping[str, Any]) -> None:
        """The scan has ended with this reply; its ``time_real`` stands beside it."""
        self._open = False
        for question in self._unanswered:
            if isinstance(question, Exchange):
                self._line({"exchange": {"key": question.key, "status": UNANSWERED}})
            elif isinstance(question, StoreQuestion):
                self._line({"store": {"key": question.key, "status": UNANSWERED}})
            else:
                asked = {"name": question.name, "type": question.rdtype, "status": UNANSWERED}
                self._line({"dns": asked})
        said = {key: value for key, value in reply.items() if key != "time_real"}
        self._line({"reply": said, "time_real": reply.get("time_real", 0.0)})

    def around(self, transport: Transport) -> Transport:
        """``transport``, with its answers written down."""
        return _Recorded(transport, self)

    def asked(self, question: DnsQuestion | Exchange | StoreQuestion) -> int:
        """A question leaves; gives back the number of the scan that asks."""
        self._unanswered[question] = None
        return self._number

    def answered(
        self, number: int, answer: DnsAnswer | Reply | StoreAnswer, *, at_once: bool
    ) -> None:
        """An answer has come to a question of the scan ``number``."""
        if not self._open or number != self._number:
            return
        self._unanswered.pop(answer.question, None)
        after = None if at_once else asyncio.get_running_loop().time() - self._began
        if isinstance(answer, Reply):
            self._line({"exchange": _reply_as_dict(answer), "after": after})
        elif isinstance(answer, StoreAnswer):
            self._line({"store": _stored_as_dict(answer), "after": after})
        else:
            self._line({"dns": _answer_as_dict(answer), "after": after})

    def _line(self, content: dict[str, Any]) -> None:
        self._file.write(json.dumps(content, ensure_ascii=True).encode() + b"\n")


class _Recorded:
    """A transport whose answers a recorder writes down."""

    def __init__(self, transport: Transport, recorder: Recorder) -> None:
        self._transport = transport
        self._recorder = recorder

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        number, asking = self._recorder.asked(question), True

        def answered(answer: DnsAnswer) -> None:
            self._recorder.answered(number, answer, at_once=asking)
            done(answer)

        self._transport.ask(question, answered)
        asking = False

    def exchange(self, question: Exchange, done: Callable[[Reply], None]) -> None:
        number, asking = self._recorder.asked(question), True

        def answered(reply: Reply) -> None:
            self._recorder.answered(number, reply, at_once=asking)
            done(reply)

        if isinstance(self._transport, Exchanges):
            self._transport.exchange(question, answered)
        else:
            detail = "this transport has no connections"
            answered(Reply(question, ExchangeStatus.UNKNOWN, detail=detail))
        asking = False

    def store(self, question: StoreQuestion, done: Callable[[StoreAnswer], None]) -> None:
        number, asking = self._recorder.asked(question), True

        def answered(answer: StoreAnswer) -> None:
            self._recorder.answered(number, answer, at_once=asking)
            done(answer)

        if isinstance(self._transport, Stores):
            self._transport.store(question, answered)
        else:
            answered(StoreAnswer(question, StoreStatus.UNKNOWN, detail="no store here"))
        asking = False


def message_digest(raw: bytes) -> str:
    """The name of a message in a recording: its SHA-256, hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def envelope_as_dict(envelope: Envelope) -> dict[str, Any]:
    """What of an envelope is known; passwords of scan requests are left out."""
    found: dict[str, Any] = {}
    for field in fields(envelope):
        value = getattr(envelope, field.name)
        if field.name == "request_headers":
            value = [
                [name.decode("latin-1"), text.decode("latin-1")]
                for name, text in value
                if name.lower() not in _SECRET_HEADERS
            ]
        elif field.name == "flags":
            value = sorted(value)
        elif field.name == "rcpt_to":
            value = list(value)
        if value is not None and value != []:
            found[field.name] = value
    return found


def _reply_as_dict(reply: Reply) -> dict[str, Any]:
    return {
        "key": reply.question.key,
        "status": reply.status.value,
        "data": reply.data.decode("latin-1"),
        "server": reply.server,
        "detail": reply.detail,
    }


def _stored_as_dict(answer: StoreAnswer) -> dict[str, Any]:
    if answer.question.store.secret:
        status, detail = StoreStatus.UNKNOWN, "a secret, which no recording holds"
        answer = StoreAnswer(answer.question, status, detail=detail)
    return {
        "key": answer.question.key,
        "status": answer.status.value,
        "value": _value_as_json(answer.value),
        "server": answer.server,
        "detail": answer.detail,
    }


def _value_as_json(value: Any) -> Any:
    """Octets as characters; all else that a store answers JSON has as well."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [_value_as_json(item) for item in value]
    return value if isinstance(value, int) or value is None else str(value)


def _answer_as_dict(answer: DnsAnswer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": answer.question.name,
        "type": answer.question.rdtype,
        "status": answer.status.value,
    }
    if answer.records:
        found["records"] = [
            record.decode("latin-1") if isinstance(record, bytes) else record
            for record in answer.records
        ]
    if answer.ttl:
        found["ttl"] = answer.ttl
    if answer.detail:
        found["detail"] = answer.detail
    return found
