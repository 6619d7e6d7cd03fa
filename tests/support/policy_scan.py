"""Runs the checks of sender authentication alone, over a table of zone data."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import groupby
from typing import Any

from filter_engine import checks as builtin
from filter_engine.config.schema import Section
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY, Check, Returned
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Outcome

builtin.load()

NOW = 1_795_219_200
RAW = b"From: Al <al@example.com>\r\nTo: bo@example.net\r\nSubject: x\r\n\r\nhello\r\n"
ZONE: dict[str, dict[str, list[Any]]] = {
    "example.com": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 -all"]},
    "_dmarc.example.com": {"TXT": [b"v=DMARC1; p=reject"]},
    "open.example": {"TXT": [b"v=spf1 +all"]},
    "quarantine.example": {"TXT": [b"v=spf1 ~all"]},
    "_dmarc.quarantine.example": {"TXT": [b"v=DMARC1; p=quarantine"]},
    "soft.example": {"TXT": [b"v=spf1 ?all"]},
    "_dmarc.soft.example": {"TXT": [b"v=DMARC1; p=none"]},
    "_dmarc.bad.example": {"TXT": [b"v=DMARC1; p=bogus"]},
    "broken.example": {"TXT": [b"v=spf1 oops -all"]},
}


class Sink:
    """Collects outcomes by check."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def finished(self, check: Check, returned: Returned) -> object:
        if returned is None:
            return None
        assert isinstance(returned, Outcome)
        self.outcomes[check.name] = returned
        return returned.value

    def failed(self, check: Check, error: Exception) -> None:
        raise error

    @property
    def symbols(self) -> dict[str, tuple[str, ...]]:
        return {f.symbol: f.options for o in self.outcomes.values() for f in o.findings}


def scan(
    raw: bytes = RAW,
    *,
    ip: str | None = "192.0.2.1",
    mail_from: str | None = "al@example.com",
    helo: str = "mx.example.com",
    user: str | None = None,
    local: bool = False,
    rcpt: tuple[str, ...] = (),
    sections: tuple[Section, ...] = (),
    checks: tuple[str, ...] = ("spf", "dkim", "dmarc"),
    zone: dict[str, dict[str, list[Any]]] | None = None,
    failing: tuple[str, ...] = (),
    states: dict[str, Any] | None = None,
) -> Sink:
    task = Task(
        message=Message(raw),
        envelope=Envelope(ip=ip, mail_from=mail_from, helo=helo, user=user, rcpt_to=rcpt),
        sections={type(section): section for section in sections},
        now=float(NOW),
        server="mx1",
        local=local or ip is None,
        ip=ip_address(ip) if ip else None,
        states=states or {},
    )
    sink = Sink()
    named = (REGISTRY[name] for name in checks)
    declared = sorted((check for check in named if _has_work(check, task)), key=lambda c: c.stage)
    for _, stage in groupby(declared, key=lambda check: check.stage):
        driver = Driver(task, TableResolver(ZONE | (zone or {}), failing=failing), sink)
        driver.start(stage)
        assert driver.idle
        task.findings = [f for outcome in sink.outcomes.values() for f in outcome.findings]
    return sink


def _has_work(check: Check, task: Task) -> bool:
    if check.has_work is None or check.options is None:
        return True
    return check.has_work(task.options(check.options))


def from_(domain: str) -> bytes:
    return RAW.replace(b"example.com", domain.encode())
