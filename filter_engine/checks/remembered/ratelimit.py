"""Rate limits: too much mail at once is refused for a while (module ratelimit).

Buckets are asked before all other checks, all in one question, and filled once a message was not
refused by anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from filter_engine.checks.bayes import verdict_word
from filter_engine.checks.remembered.buckets import CHECK, COUNT
from filter_engine.checks.remembered.keys import digest, is_rspamc, octets
from filter_engine.checks.remembered.ratelimit_options import (
    Bucket,
    RatelimitOptions,
    symbols_of_options,
)
from filter_engine.config.map_definition import MapKind
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.message.address import Address
from filter_engine.message.tags import smtp_address
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

if TYPE_CHECKING:
    from filter_engine.selectors import Selector

_MODULE: Final = "ratelimit"
_KEY_LENGTH: Final = 24
_MAX_BUCKETS: Final = 1000
"""Of one message; a selector may give a text for each recipient."""


@frozen
class _Limit:
    name: str
    buckets: tuple[Bucket, ...]
    selector: Selector | None
    words: tuple[str, ...] = ()
    """Of the name, without a selector."""
    marks: tuple[str, ...] = ()
    """What stands before the text in the key of each bucket, without a selector."""


@frozen
class Limits:
    """What was prepared."""

    store: Store
    limits: tuple[_Limit, ...]
    recipients: Map
    networks: Map
    users: Map


class Counted(NamedTuple):
    """A bucket of this message."""

    limit: str
    bucket: Bucket
    key: bytes
    more: int


def _prepare(options: RatelimitOptions, setup: Setup) -> Limits | None:
    limits = []
    for name, said in options.rates.items():
        buckets = tuple(b for b in said.bucket if b.burst > 0.0 and b.rate > 0.0)
        if not (said.enabled and buckets):
            continue
        if not said.selector:
            marks = tuple(f"{math.floor(100_000.0 / b.burst + 0.5)}:" for b in buckets)
            limits.append(_Limit(name, buckets, None, tuple(name.split("_")), marks))
            continue
        from filter_engine.selectors import SelectorError, compile_selector  # few sites have one

        try:
            limits.append(_Limit(name, buckets, compile_selector(said.selector, delimiter=":")))
        except SelectorError:
            continue  # a site was told
    store = setup.module_store(_MODULE, options) if limits else None
    if store is None:
        return None
    # The option ``prefix`` is of the keys themselves, whoever's servers these are.
    store = Store(store.name, store.where)
    of = setup.maps.of
    return Limits(
        store,
        tuple(limits),
        of(options.whitelisted_rcpts, MapKind.SET, "ratelimit.whitelisted_rcpts"),
        of(options.whitelisted_ip, MapKind.RADIX, "ratelimit.whitelisted_ip"),
        of(options.whitelisted_user, MapKind.SET, "ratelimit.whitelisted_user"),
    )


def _sender(task: Task) -> Address | None:
    if task.envelope.mail_from is not None:
        return smtp_address(task.envelope.mail_from)
    found = task.message.from_addresses
    return found[0] if found else None


def _recipients(task: Task) -> tuple[Address, ...]:
    return tuple(map(smtp_address, task.envelope.rcpt_to)) or task.message.recipients


def _value(task: Task, word: str, options: RatelimitOptions) -> str | None:
    """What a word of a limit's name stands for."""
    match word:
        case "ip":
            return None if task.ip is None else str(task.ip)
        case "rip":
            return None if task.ip is None or task.local else str(task.ip)
        case "from":
            sender = _sender(task)
            return None if sender is None else sender.email.lower()
        case "bounce":
            sender = _sender(task)
            local = "" if sender is None else sender.local
            return "_" if not local or local in options.bounce_senders else None
        case "user":
            return task.envelope.user
        case "asn":
            return getattr(task.results.get("asn"), "asn", None) or None
        case "to":
            first = task.envelope.deliver_to or next((a.email for a in _recipients(task)), "")
            return first.lower() or None
        case "files":
            names = [part.filename for part in task.message.parts if part.filename]
            return ":".join(names) or None
    return None


def _texts(task: Task, limit: _Limit, options: RatelimitOptions) -> Iterator[str]:
    """What is counted, without the bucket it is counted in."""
    if limit.selector is not None:
        yield from limit.selector.values(task)
        return
    values = [_value(task, word, options) for word in limit.words]
    if None not in values:
        yield ":".join(value for value in values if value is not None)


def counted(task: Task, state: Limits, options: RatelimitOptions) -> list[Counted]:
    """The buckets that a message is counted in."""
    found: dict[bytes, Counted] = {}
    prefix, count = octets(options.prefix), len(task.envelope.rcpt_to) or 1
    for limit in state.limits:
        for text in _texts(task, limit, options):
            for place, bucket in enumerate(limit.buckets):
                named = text
                if limit.selector is None:
                    named = limit.marks[place] + text
                elif place + 1 < len(limit.buckets):
                    # Rspamd 3.4 counts by the last of several buckets alone, under this name.
                    named = f"{bucket.burst:.14g}:{bucket.rate:.14g}:{text}"
                raw = octets(named)
                key = prefix + digest(raw, min(_KEY_LENGTH, len(raw)))
                more = 1 if bucket.skip_recipients else count
                found.setdefault(key, Counted(limit.name, bucket, key, more))
                if len(found) >= _MAX_BUCKETS:
                    return list(found.values())
    return list(found.values())


def is_exempt(task: Task, state: Limits, options: RatelimitOptions) -> bool:
    """Nobody counts this message."""
    if is_rspamc(task) and not options.allow_local:
        return True
    if task.ip is not None and task.ip in state.networks:
        return True
    for rcpt in _recipients(task):
        if rcpt.local in state.recipients or rcpt.email in state.recipients:
            return True
    return task.envelope.user is not None and task.envelope.user in state.users


@check(
    "ratelimit",
    module=_MODULE,
    options=RatelimitOptions,
    stage=Stage.PREFILTER,
    priority=5,
    callback="RATELIMIT_CHECK",
    prepare=_prepare,
    symbols=(Symbol("RATELIMIT_CHECK", 0.0, "Buckets are asked", ("ratelimit",)),),
    symbols_of=symbols_of_options,
    has_work=lambda options: bool(options.rates),
    on_empty=True,
)
async def ratelimit(task: Task, ask: Ask) -> Outcome | None:
    """Whether more mail comes than is allowed, by every limit that fits the message."""
    state: Limits | None = task.state("ratelimit")
    options = task.options(RatelimitOptions)
    if state is None or is_exempt(task, state, options):
        return None
    buckets = counted(task, state, options)
    if not buckets:
        return None
    args = [b"%d" % round(task.now * 1000), b"%d" % max(int(options.expire), 1)]
    for one in buckets:
        args += (
            b"%.17g" % (one.bucket.rate / 1000.0),
            b"%.17g" % one.bucket.burst,
            b"%d" % one.more,
        )
    answer = await ask.store(state.store.run(CHECK, [one.key for one in buckets], args))
    if not answer.ok:
        return None  # nobody is refused for want of a store
    full = [one for one, hit in zip(buckets, answer.value, strict=True) if hit]
    return _judged(buckets, full, options, answer.server)


def refusal(full: Counted) -> str:
    """What the client is told."""
    return full.bucket.message or f'Ratelimit "{full.limit}" exceeded'


def _judged(
    buckets: list[Counted], full: list[Counted], options: RatelimitOptions, server: str
) -> Outcome:
    found: list[Finding] = []
    refused: PreResult | None = None
    for one in full:
        bucket = one.bucket
        symbol = bucket.symbol or options.symbol or options.info_symbol
        if symbol:
            said = f"{one.limit}({one.key.decode('utf-8', 'replace')})"
            what = (
                f"{server}: {one.limit} is full: {bucket.burst:g} at once, {bucket.rate:g} a second"
            )
            found.append(Finding(symbol, (said,), evidence=what))
        if refused is None and not options.symbol and not bucket.skip_soft_reject:
            refused = PreResult(Action.SOFT_REJECT, refusal(one), _MODULE)
    return Outcome(tuple(found), value=tuple(buckets), pre_result=refused)


@check(
    "ratelimit_update",
    module=_MODULE,
    options=RatelimitOptions,
    stage=Stage.IDEMPOTENT,
    symbols=(Symbol("RATELIMIT_UPDATE", 0.0, "Buckets are filled", ("ratelimit",)),),
    needs=("ratelimit",),
    has_work=lambda options: bool(options.rates),
    on_empty=True,
)
def ratelimit_update(task: Task) -> Outcome | None:
    """Count a message that was not refused; buckets grow with good mail and shrink with bad."""
    buckets: tuple[Counted, ...] = task.results.get("ratelimit") or ()
    state: Limits | None = task.state("ratelimit")
    if not buckets or state is None:
        return None
    decision = task.decision
    if decision.pre_result is not None:
        return None
    options = task.options(RatelimitOptions)
    word = verdict_word(task, decision.score, decision.action)
    args = [
        b"%d" % round(task.now * 1000),
        b"%d" % max(int(options.expire), 1),
        b"%.17g" % options.max_rate_mult,
        b"%.17g" % options.max_bucket_mult,
    ]
    for one in buckets:
        rate, burst = _factors(one.bucket, options, word)
        args += (b"%.17g" % rate, b"%.17g" % burst, b"%d" % one.more)
    counted = state.store.run(COUNT, [one.key for one in buckets], args)
    return Outcome(notices=(counted,))


def _factors(bucket: Bucket, options: RatelimitOptions, word: str) -> tuple[float, float]:
    if word in ("spam", "junk"):
        rate, burst = bucket.spam_factor_rate, bucket.spam_factor_burst
        return (
            options.spam_factor_rate if rate is None else rate,
            options.spam_factor_burst if burst is None else burst,
        )
    if word == "ham":
        rate, burst = bucket.ham_factor_rate, bucket.ham_factor_burst
        return (
            options.ham_factor_rate if rate is None else rate,
            options.ham_factor_burst if burst is None else burst,
        )
    return 1.0, 1.0
