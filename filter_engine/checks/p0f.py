"""What p0f tells of the client's system by its packets (module p0f).

Source: p0f 3's README, section "API access": a query of 21 bytes, a response of 232, both in the
host's byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from filter_engine.checks.services.options import PATTERNS, SECONDS, Patterns
from filter_engine.config.kinds import STRING
from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.config.upstreams import Upstream, UpstreamList
from filter_engine.lazy_dataclass import frozen
from filter_engine.matching.pattern import Flags, parse_slashed
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.exchange import Exchange, Reply, Until
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_QUERY: Final = struct.Struct("=IB16s")
_QUERY_MAGIC: Final = 0x50304601
_REPLY: Final = struct.Struct("=IIIIIIIIIhBB32s32s32s32s32s32s")
_REPLY_MAGIC: Final = 0x50304602
_BAD_QUERY, _OK = 0x00, 0x10
_GROUP: Final = ("p0f",)
_NAMES: Final = ("P0F", "P0F_FAIL")


@options_class
class P0fOptions(Section):
    """The client's operating system, guessed from its packets."""

    socket: str = option(STRING, "", doc="path of p0f's socket; without one nothing is asked")
    timeout: float = option(SECONDS, 5.0, unit="seconds", doc="how long p0f may take")
    symbol: str = option(STRING, "P0F", doc="symbol for an answer")
    symbol_fail: str = option(STRING, "P0F_FAIL", doc="symbol for no answer")
    patterns: Patterns = option(PATTERNS, (), doc="symbol by pattern over the answer")
    anchor: ClassVar[str] = "modules/p0f"
    known: ClassVar[Mapping[str, Option]] = unserved("p0f")


@frozen
class Fingerprint:
    """What p0f says."""

    system: str
    link: str
    distance: int
    """Hops; -1: not known."""
    uptime: int
    """Minutes; 0: not known."""


def _symbols(options: P0fOptions) -> Iterator[Symbol]:
    texts = {options.symbol: "p0f knows the client", options.symbol_fail: "p0f gives no answer"}
    for symbol, _ in options.patterns:
        texts.setdefault(symbol, "p0f tells something that a pattern matches")
    for symbol, text in texts.items():
        if symbol not in _NAMES:
            yield Symbol(symbol, 0.0, text, _GROUP, rule="P0F_CHECK")


def _prepare(options: P0fOptions, _setup: Setup) -> tuple[tuple[str, Any], ...]:
    made = ((symbol, parse_slashed(written)) for symbol, written in options.patterns)
    return tuple((name, replace(one, flags=one.flags | Flags.UTF8).regex) for name, one in made)


def read_reply(data: bytes) -> Fingerprint | None:
    """The fingerprint in a response; None when p0f does not know the client.

    Raises ValueError for a response that p0f does not give.
    """
    if len(data) != _REPLY.size:
        raise ValueError(f"{len(data)} bytes, not {_REPLY.size}")
    fields = _REPLY.unpack(data)
    if fields[0] != _REPLY_MAGIC:
        raise ValueError("not a response of p0f")
    if fields[1] != _OK:
        if fields[1] == _BAD_QUERY:
            raise ValueError("p0f does not understand the query")
        return None
    name, flavor, link = (_text(fields[at]) for at in (12, 13, 16))
    system = f"{name} {flavor}" if name else "unknown"
    return Fingerprint(system, link or "unknown", fields[9], fields[5])


def _text(field: bytes) -> str:
    text = field.partition(b"\0")[0].decode("ascii", "replace")
    return "".join(char for char in text if char.isalnum() or char in "-_.() ")


@check(
    "p0f",
    stage=Stage.PREFILTER,
    callback="P0F_CHECK",
    symbols=(
        Symbol("P0F", 0.0, "p0f knows the client", _GROUP, rule="P0F_CHECK"),
        Symbol("P0F_FAIL", 0.0, "p0f gives no answer", _GROUP, rule="P0F_CHECK"),
    ),
    options=P0fOptions,
    symbols_of=_symbols,
    prepare=_prepare,
    has_work=lambda options: bool(options.socket),
    on_empty=True,
)
async def p0f(task: Task, ask: Ask) -> list[Finding] | None:
    """p0f is asked for the client's system, link and distance."""
    options = task.options(P0fOptions)
    if not options.socket or task.ip is None or task.ip.is_loopback:
        return None
    query = _QUERY.pack(_QUERY_MAGIC, task.ip.version, task.ip.packed)
    servers = UpstreamList((Upstream(options.socket, 0),))
    reply = await ask.exchange(
        Exchange(
            servers, query, Until.SIZE, size=_REPLY.size, timeout=options.timeout, service="p0f"
        )
    )
    return list(_findings(task, options, reply))


def _findings(task: Task, options: P0fOptions, reply: Reply) -> Iterator[Finding]:
    problem = reply.detail or reply.status.value
    if reply.ok:
        try:
            found = read_reply(reply.data)
        except ValueError as error:
            problem = str(error)
        else:
            yield from _told(task, options, found)
            return
    yield Finding(options.symbol_fail, (problem,), 0.0, f"p0f at {options.socket}: {problem}")


def _told(task: Task, options: P0fOptions, found: Fingerprint | None) -> Iterator[Finding]:
    if found is None:
        return
    for text in (found.system, f"link={found.link}", f"distance={found.distance}"):
        patterns = task.state("p0f") or ()
        matched = next((name for name, pattern in patterns if pattern.search(text)), None)
        weight = 1.0 if matched else 0.0
        yield Finding(matched or options.symbol, (text,), weight, f"p0f of {task.ip}: {text}")
