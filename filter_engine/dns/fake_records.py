"""``options.dns.fake_records``: answers that no resolver is asked for, as tests need them.

Source: Rspamd's functional tests. A record answers the questions of its own name and type; all
others go to the next transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from filter_engine.config.fake_records import FakeRecord
from filter_engine.scan.question import DnsAnswer, DnsQuestion, DnsStatus

TTL = 60
"""Seconds that a fake answer may be kept."""

_STATUS = {
    "noerror": DnsStatus.OK,
    "norec": DnsStatus.NODATA,
    "nxdomain": DnsStatus.NXDOMAIN,
    "timeout": DnsStatus.TEMPFAIL,
    "servfail": DnsStatus.TEMPFAIL,
    "refused": DnsStatus.TEMPFAIL,
}


class _Transport(Protocol):
    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None], /) -> None: ...


class FakeRecords:
    """Stands before a transport and answers what is written in the configuration at once."""

    def __init__(self, records: Iterable[FakeRecord], transport: _Transport) -> None:
        self._transport = transport
        self.flush: Callable[[], None] = getattr(transport, "flush", _nothing)
        self._answers: dict[DnsQuestion, DnsAnswer] = {}
        for record in records:
            question = DnsQuestion(record.name.rstrip(".").lower(), record.type.upper())
            self._answers[question] = _answer(question, record)

    def ask(self, question: DnsQuestion, done: Callable[[DnsAnswer], None]) -> None:
        """Answer now, or hand the question on."""
        answer = self._answers.get(question)
        if answer is None:
            self._transport.ask(question, done)
        else:
            done(answer)


def _nothing() -> None:
    """For a transport that answers at once."""


def _answer(question: DnsQuestion, record: FakeRecord) -> DnsAnswer:
    status = _STATUS[record.rcode]
    records = tuple(_value(question.rdtype, reply) for reply in record.replies)
    if status is DnsStatus.OK and not records:
        status = DnsStatus.NODATA
    kept = records if status is DnsStatus.OK else ()
    return DnsAnswer(question, status, kept, TTL, detail="fake record")


def _value(rdtype: str, text: str) -> Any:
    """A reply as ``DnsAnswer`` holds records of its type."""
    if rdtype == "TXT":
        return text.encode("utf-8", "surrogateescape")
    if rdtype == "MX":
        preference, _, host = text.strip().partition(" ")
        return int(preference) if preference.isdecimal() else 0, host.strip().rstrip(".").lower()
    return text.strip().rstrip(".").lower()
