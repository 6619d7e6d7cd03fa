"""Running the built-in checks on a message written in the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest

from filter_engine import checks
from filter_engine.config.model import Config
from filter_engine.config.schema import Section
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY, Check, Returned, Stage
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.metric import Decision
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Action, Finding, Outcome

checks.load()

NOW = 1_800_000_000.0
CLEAN = f"""\
From: Bob <bob@example.com>
To: <alice@example.net>
Subject: Lunch
Date: {formatdate(NOW - 60)}
Message-ID: <1234@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit
"""

#: What ``prepare`` is given where a test brings no configuration of its own.
CONFIG = Config()

Findings = dict[str, list[Finding]]


class Collected:
    """A sink that keeps findings and lets errors out."""

    def __init__(self, options: Section | None = None) -> None:
        self.options = options
        self.findings: Findings = {}
        self.outcomes: dict[str, Outcome] = {}

    def finished(self, check: Check, returned: Returned) -> object:
        if isinstance(returned, Outcome):
            self.outcomes[check.name] = returned
            returned = returned.findings
        declared = {symbol.name for symbol in check.symbols}
        if check.symbols_of is not None:
            declared |= {symbol.name for symbol in check.symbols_of(self.options)}
        for finding in returned or ():
            assert finding.symbol in declared, f"{check.name} does not declare {finding.symbol}"
            self.findings.setdefault(finding.symbol, []).append(finding)
        return None

    def failed(self, check: Check, error: Exception) -> None:
        raise error


Scan = Callable[..., Findings]


@pytest.fixture
def scan() -> Scan:
    """Run one check by its name: ``scan("mid", headers, body, envelope fields...)``.

    ``headers`` replaces or adds fields of a clean message: ``None`` removes one, a list repeats it.
    """

    def run(
        name: str,
        headers: Mapping[str, str | list[str] | None] | None = None,
        body: str = "Hello\n",
        *,
        dns: Mapping[str, Any] | None = None,
        options: Section | None = None,
        local: bool = False,
        states: Mapping[str, Any] | None = None,
        **envelope: Any,
    ) -> Findings:
        raw = compose(headers or {}, body)
        known = {"ip": "192.0.2.1", "helo": "mx.example.com", "hostname": "mx.example.com"}
        known |= {"mail_from": "bob@example.com", "rcpt_to": ("alice@example.net",)}
        known |= envelope
        check = REGISTRY[name]
        if options is None and check.options is not None:
            options = check.options()
        sections = {} if options is None else {type(options): options}
        made = dict(states or {})
        if check.prepare is not None and name not in made:
            made[name] = check.prepare(options, Setup(CONFIG))
        task = Task(
            Message(raw),
            Envelope(**known),
            sections,
            NOW,
            "test.example",
            local=local,
            ip=client_ip(known["ip"]),
            states=made,
        )
        if check.stage >= Stage.POSTFILTER:
            task.decide = lambda: Decision(Action.NO_ACTION, 0.0, ())
        sink = Collected(options)
        if check.asks:
            transport = TableResolver(dns or {}, failing=("broken.example",))
            Driver(task, transport, sink).start([check])
        else:
            sink.finished(check, check.run(task))  # type: ignore[call-arg, arg-type]
        return sink.findings

    return run


def compose(headers: Mapping[str, str | list[str] | None], body: str) -> bytes:
    """The clean message with some headers replaced, in CRLF."""
    lines: list[str] = []
    left = dict(headers)
    for line in CLEAN.splitlines():
        name = line.partition(":")[0]
        if name not in left:
            lines.append(line)
            continue
        value = left.pop(name)
        lines += [f"{name}: {one}" for one in _list(value)]
    for name, value in left.items():
        lines += [f"{name}: {one}" for one in _list(value)]
    text = "\n".join(lines) + "\n\n" + body
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def _list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value
