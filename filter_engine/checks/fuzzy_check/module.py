"""The check: all storages are asked at once, each over one socket."""

from __future__ import annotations

from typing import NamedTuple

from filter_engine.checks.fuzzy_check.options import (
    STOCK,
    FuzzyCheckOptions,
    symbols_of,
)
from filter_engine.checks.fuzzy_check.rule import Asked, Rule
from filter_engine.config.map_definition import MapKind
from filter_engine.fuzzy.hashes import Texts, digests_of, hashes_of
from filter_engine.fuzzy.protocol import extensions
from filter_engine.maps import Map
from filter_engine.scan.declare import check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding, Outcome

_LONG_TEXT = 25
"""Characters of a text beside which a picture says less."""


class _Prepared(NamedTuple):
    rules: tuple[Rule, ...]
    whitelist: Map | None


def rules_of(options: FuzzyCheckOptions, setup: Setup) -> tuple[Rule, ...]:
    """The rules that are switched on, prepared."""
    return tuple(
        Rule(name, rule, options, setup)
        for name, rule in options.rule.items()
        if rule.enabled and (rule.reading or rule.writing)
    )


def _prepare(options: FuzzyCheckOptions, setup: Setup) -> _Prepared:
    whitelist = options.whitelist
    return _Prepared(
        rules_of(options, setup),
        None
        if whitelist is None
        else setup.maps.of(whitelist, MapKind.RADIX, "fuzzy_check.whitelist"),
    )


@check(
    "fuzzy_check",
    options=FuzzyCheckOptions,
    symbols=STOCK,
    symbols_of=symbols_of,
    prepare=_prepare,
    callback="FUZZY_CALLBACK",
    has_work=lambda options: any(rule.enabled and rule.reading for rule in options.rule.values()),
)
async def fuzzy_check(task: Task, ask: Ask) -> Outcome | None:
    """Whether storages of fuzzy hashes know the texts, pictures and attachments of a message."""
    state: _Prepared | None = task.state("fuzzy_check")
    if state is None:
        return None
    if state.whitelist is not None and task.ip is not None and task.ip in state.whitelist:
        return None
    texts = Texts(task.message)
    asked: list[tuple[Rule, Asked]] = []
    known: list[str] = []
    for rule in state.rules:
        if rule.reading is None:
            continue
        hashes = hashes_of(texts, rule.policy, rule.hashing)
        known += digests_of(hashes)
        requests = rule.ask(hashes, _told(task) if rule.share else b"")
        if requests is not None:
            asked.append((rule, requests))
    if not asked:
        return None
    replies = await ask.all(*(ask.exchange(requests.exchange) for _, requests in asked))
    long_text = any(len(part.visible_text) > _LONG_TEXT for part in task.message.text_parts)
    found: list[Finding] = []
    for (rule, requests), reply in zip(asked, replies, strict=True):
        found += rule.findings(requests, reply, long_text=long_text)
    return Outcome(tuple(found), value=tuple(dict.fromkeys(known)))


def _told(task: Task) -> bytes:
    """What the storage is told of a message."""
    senders = task.message.from_addresses
    domain = senders[0].domain if senders else None
    return extensions(domain or "", task.ip)
