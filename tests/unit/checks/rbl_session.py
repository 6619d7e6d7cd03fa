"""Asking lists in DNS in tests: one rule, a table of answers, what was asked and found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filter_engine.checks.rbl.lists import Lists
from filter_engine.config.collector import Collector
from filter_engine.config.layers import Layers
from filter_engine.config.model import Config, OptionsConfig
from filter_engine.config.schema import Section, bind
from filter_engine.dns.table import TableResolver
from filter_engine.message import Message
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.driver import Driver
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task, client_ip
from filter_engine.scan.verdict import Finding
from filter_engine.ucl.document import parse

from .conftest import NOW, Collected, compose

CLIENT = "203.0.113.66"
REVERSED = "66.113.0.203"
Found = dict[str, list[tuple[str, ...]]]


def options_from(cls: type[Section], text: str, told: tuple[str, ...] = ()) -> Any:
    """The section a site would write; ``told`` are the codes of its faults."""
    collector = Collector(Layers({}))
    made = bind(cls, parse(text), collector, "test")
    assert tuple(finding.code for finding in collector.findings) == told
    return made


class Asked:
    """A scan by one module, and what it asked."""

    def __init__(
        self,
        module: str,
        text: str,
        dns: Mapping[str, Any],
        *,
        headers: Mapping[str, Any] | None = None,
        body: str = "Hello\n",
        failing: tuple[str, ...] = (),
        results: Mapping[str, Any] | None = None,
        findings: tuple[Finding, ...] = (),
        also: Mapping[str, Any] | None = None,
        config: OptionsConfig | None = None,
        told: tuple[str, ...] = (),
        **envelope: Any,
    ) -> None:
        check = REGISTRY[module]
        assert check.options is not None
        assert check.prepare is not None
        options = options_from(check.options, text, told)
        modules = {check.module: options, **(also or {})}
        self.setup = Setup(Config(options=config or OptionsConfig(), modules=modules))
        self.lists: Lists = check.prepare(options, self.setup)  # type: ignore[assignment]
        self.check, self.options = check, options
        self.dns, self.failing = dns, failing
        self.headers, self.body = headers or {}, body
        self.results, self.found_before = dict(results or {}), findings
        known: dict[str, Any] = {
            "ip": CLIENT,
            "helo": "mx.bad.example",
            "hostname": "h.bad.example",
        }
        self.envelope = Envelope(**{**known, **envelope})
        self.scan()

    def scan(self, now: float = NOW) -> Found:
        """Scan once more, with what the process remembers."""
        task = Task(
            Message(compose(self.headers, self.body)),
            self.envelope,
            {type(self.options): self.options},
            now,
            "test.example",
            ip=client_ip(self.envelope.ip),
            states={self.check.name: self.lists},
            results=dict(self.results),
        )
        task.findings = self.found_before
        sink = Collected(self.options)
        table = TableResolver(self.dns, failing=self.failing)
        Driver(task, table, sink).start([self.check])
        self.names = [q.name for q in table.asked if ".invalid." not in q.name]
        self.tests = [q.name for q in table.asked if ".invalid." in q.name]
        self.all = sink.findings
        self.found = {
            name: [option for one in same for option in one.options]
            for name, same in sink.findings.items()
        }
        return {name: [one.options for one in same] for name, same in sink.findings.items()}


def rbl(rule: str, dns: Mapping[str, Any], *, more: str = "", **arguments: Any) -> Asked:
    text = f'{more} rbls {{ one {{ rbl = "bl.example"; symbol = "ONE"; {rule} }} }}'
    return Asked("rbl", text, dns, **arguments)


def a(*addresses: str) -> dict[str, tuple[str, ...]]:
    return {"A": addresses}
