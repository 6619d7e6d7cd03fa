"""The order of checks, from a trace of a real scan: row C57."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from filter_engine import checks
from filter_engine.scan.declare import REGISTRY, Registry, Stage
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.task import Task
from filter_engine.scanner import Scanner

Make = Callable[..., Scanner]
MAIL = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n\r\nhello\r\n"
ORDER = (
    # rmilter's rules; then, asked at once, SPF, DCC, the spam scan and ClamAV
    ({"multimap_prefilter"}, Stage.PREFILTER),
    ({"multimap", "spf", "dcc", "regexp", "antivirus"}, Stage.FILTER),
    # what leaves is signed once nothing forbids it; copies tell the verdict, so they come last
    ({"force_actions", "dkim_signing"}, Stage.POSTFILTER),
    ({"metadata_exporter"}, Stage.IDEMPOTENT),
)
"""rmilter's order of checks, as stages."""


def traced(seen: list[str]) -> Registry:
    """The built-in checks, each telling when it begins."""
    checks.load()
    registry = Registry()
    for each in REGISTRY:

        def told(task: Task, *ask: object, name: str = each.name, run: object = each.run) -> object:
            seen.append(name)
            return run(task, *ask)  # type: ignore[operator]

        registry.add(replace(each, run=told, has_work=None))  # all, as a site may use them
    return registry


def test_the_stages_follow_each_other(make: Make) -> None:
    seen: list[str] = []
    registry = traced(seen)
    asyncio.run(make(registry).scan(MAIL, Envelope(ip="203.0.113.9", mail_from="a@example.com")))
    stages = [registry[name].stage for name in seen]
    assert set(stages) >= {Stage.PREFILTER, Stage.FILTER, Stage.POSTFILTER, Stage.IDEMPOTENT}
    assert all(one <= other for one, other in pairwise(stages))
    assert len(seen) == len(set(seen))


def test_the_order_is_rmilters(make: Make) -> None:
    seen: list[str] = []
    registry = traced(seen)
    scanner = make(registry, dkim_signing__conf='path = "/nonexistent/$domain.key";')
    asyncio.run(scanner.scan(MAIL, Envelope(ip="203.0.113.9", mail_from="a@example.com")))
    for names, stage in ORDER:
        assert {registry[name].stage for name in names} == {stage}
        assert names <= set(seen)


def test_what_is_asked_leaves_before_the_work_on_the_message(make: Make) -> None:
    seen: list[str] = []
    registry = traced(seen)
    asyncio.run(make(registry).scan(MAIL, Envelope(ip="203.0.113.9", mail_from="a@example.com")))
    filters = [registry[name] for name in seen if registry[name].stage is Stage.FILTER]
    asking = [each.asks for each in filters]
    assert asking == sorted(asking, reverse=True)
    assert {True, False} == set(asking)
