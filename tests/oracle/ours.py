"""This engine's replies to the messages of the recording, with its stock configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from filter_engine import checks
from filter_engine.config import load
from filter_engine.dns.table import TableResolver
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.plan import declared_symbols
from filter_engine.scanner import Scanner

from .recording import RECORDED, ZONE, Reply, Sample


def scanner(clock: Callable[[], float] = lambda: RECORDED) -> Scanner:
    """Nothing configured, the recording's zone and, unless told otherwise, its day."""
    checks.load()
    config = load(
        None,
        {"LOCAL_CONFDIR": "/nonexistent", "DBDIR": "/nonexistent"},
        {},
        modules=sections(REGISTRY),
        groups=REGISTRY.groups(),
    )
    zone = TableResolver.from_zone(ZONE.read_text())
    return Scanner(config, transport=zone, clock=clock, server="mx1")


def known_symbols(engine: Scanner) -> frozenset[str]:
    """Every symbol that this engine may set with its stock configuration."""
    return frozenset(symbol.name for symbol in declared_symbols(engine.config, REGISTRY))


def limited_groups(engine: Scanner) -> dict[str, str]:
    """Symbol -> the first of its groups that has a limit."""
    caps = engine.plan.caps
    return {
        name: group
        for name, score in engine.plan.scores.items()
        if (group := next((group for group in score.groups if group in caps), None)) is not None
    }


def replies(engine: Scanner, samples: Iterable[Sample]) -> Iterator[tuple[Sample, Reply]]:
    """Each sample with what this engine says of it."""
    with asyncio.Runner() as runner:
        for sample in samples:
            yield sample, runner.run(_reply(engine, sample))


async def _reply(engine: Scanner, sample: Sample) -> Reply:
    said = sample.envelope
    verdict = await engine.scan(
        sample.raw,
        Envelope(
            ip=said.get("ip"),
            helo=said.get("helo"),
            hostname=said.get("hostname"),
            mail_from=said.get("frm"),
            rcpt_to=tuple(said.get("rcpt") or ()),
        ),
    )
    return Reply(
        verdict.action.value,
        verdict.score,
        {symbol.name: symbol.score for symbol in verdict.symbols},
        {symbol.name: symbol.options for symbol in verdict.symbols},
    )
