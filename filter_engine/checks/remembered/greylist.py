"""Greylisting: mail that may be spam is refused for a while, once (module greylist).

Two records tell who waited: one of the text, one of sender, recipients and the client's network;
either lets a message pass. They are asked for before all other checks, since mail that comes again
too early needs none of them; whether new mail waits is decided once its score is known.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from filter_engine.checks.remembered.greylist_options import (
    GROUPS,
    GreylistOptions,
    symbols_of_options,
)
from filter_engine.checks.remembered.keys import digest, is_rspamc, network, octets
from filter_engine.config.map_definition import MapKind
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreQuestion
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_MODULE: Final = "greylist"
_KEY_LENGTH: Final = 20
_LAST: Final = 253_402_300_799.0
"""The end of the year 9999: later times have no date."""


@frozen
class _Greylist:
    """What was prepared."""

    store: Store
    networks: Map
    names: Map


class _Seen(NamedTuple):
    """What the store knows of a message."""

    body: bytes
    envelope: bytes
    client: bytes
    """Its key in the list of those that passed often; empty without one."""
    passed: str = ""
    """The record that lets it pass: body, meta or awl."""
    new: bool = False
    """There is no record."""
    until: float = 0.0
    """When it may come again; 0: it does not wait."""
    since: float = 0.0
    """When it came first, of one that passes; 0: that is not known."""
    server: str = ""
    """Who said so."""


def _prepare(options: GreylistOptions, setup: Setup) -> _Greylist | None:
    store = setup.module_store(_MODULE, options)
    if store is None:
        return None
    maps = setup.maps
    return _Greylist(
        store,
        maps.of(options.whitelisted_ip, MapKind.RADIX, "greylist.whitelisted_ip"),
        maps.of(options.whitelist_domains_url, MapKind.SET, "greylist.whitelist_domains_url"),
    )


def body_key(task: Task, options: GreylistOptions) -> bytes:
    """The key of a text, the empty line before it included."""
    raw, body = task.message.raw, task.message.body
    start = len(raw) - len(body)
    start -= 2 if raw[max(start - 2, 0) : start] == b"\r\n" else 1
    text = raw[max(start, 0) : max(start, 0) + options.max_data_len]
    return octets(options.key_prefix) + b"b" + digest(text, _KEY_LENGTH)


def envelope_key(task: Task, options: GreylistOptions) -> bytes:
    """The key of sender, recipients in alphabetical order, and the client's network."""
    sender = task.envelope.mail_from
    parts = ["<>" if sender is None else sender, *sorted(task.envelope.rcpt_to)]
    if task.ip is not None:
        parts.append(network(task.ip, options.ipv4_mask, options.ipv6_mask))
    return octets(options.key_prefix) + b"m" + digest(octets("".join(parts)), _KEY_LENGTH)


def _client_key(ip: IPv4Address | IPv6Address | None, options: GreylistOptions) -> bytes:
    if ip is None or not options.awl_enable:
        return b""
    text = octets(network(ip, 32, options.ipv6_mask))
    return octets(options.key_prefix) + b"a" + digest(text, _KEY_LENGTH)


def _is_exempt(task: Task, options: GreylistOptions) -> bool:
    if task.authenticated and not options.check_authed:
        return True
    return task.ip is not None and task.local and not options.check_local


@check(
    "greylist",
    module=_MODULE,
    options=GreylistOptions,
    stage=Stage.PREFILTER,
    priority=5,
    callback="GREYLIST_CHECK",
    prepare=_prepare,
    symbols=(Symbol("GREYLIST", 0.0, "The mail is new and waits", GROUPS),),
    symbols_of=symbols_of_options,
)
async def greylist(task: Task, ask: Ask) -> Outcome | None:
    """Whether a message, or its like, came before; one that comes too early is refused at once."""
    state: _Greylist | None = task.state("greylist")
    options = task.options(GreylistOptions)
    if state is None or _is_exempt(task, options):
        return None
    if task.ip is not None and task.ip in state.networks:
        return None
    seen = _Seen(
        body_key(task, options), envelope_key(task, options), _client_key(task.ip, options)
    )
    keys = (seen.body, seen.envelope, *((seen.client,) if seen.client else ()))
    answer = await ask.store(state.store.get_all(*keys))
    if not answer.ok:
        return None  # nobody waits for a store
    seen, why = _judged(seen._replace(server=answer.server), answer.value, task.now, options)
    if not why:
        return Outcome(value=seen)
    return _waits(task, options, seen, why, f"{answer.server}: known, {_left(seen, task)}")


def _judged(
    seen: _Seen, values: list[bytes | None], now: float, options: GreylistOptions
) -> tuple[_Seen, str]:
    """What the records say, and why a message is too early, if it is."""
    if seen.client and _number(values[2]) >= options.awl_hits:
        return seen._replace(passed="awl"), ""
    body, envelope = (None if value is None else _number(value) for value in values[:2])
    if body is None and envelope is None:
        return seen._replace(new=True), ""
    passed, since = ("meta", envelope or 0.0) if body is None else ("body", body)
    if now - since >= options.timeout:
        return seen._replace(passed=passed, since=since), ""
    return seen._replace(until=since + options.timeout), "too early"


def _number(value: bytes | None) -> float:
    """A record's time or count; one that makes no sense is long ago."""
    try:
        found = float(value or 0)
    except ValueError:
        return 0.0
    return found if 0.0 <= found <= _LAST else 0.0


def _date(time: float) -> str:
    from email.utils import formatdate  # loaded by who scans, not by who reads a configuration

    return formatdate(min(time, _LAST), usegmt=True)


def _left(seen: _Seen, task: Task) -> str:
    return f"{max(seen.until - task.now, 0.0):.0f} s to wait"


def _waited(seen: _Seen, now: float, options: GreylistOptions, life: float) -> str:
    """How long ago it came first, till when it had to wait, how long it stays known."""
    if not seen.since:
        word = "its client passed often" if seen.passed == "awl" else "its client is trusted"
        return f"{seen.server}: {word}"
    end = _date(seen.since + options.timeout)
    return (
        f"{seen.server}: came first {now - seen.since:.0f} s ago, had to wait till {end}, "
        f"stays known for {life:.0f} s"
    )


def _waits(task: Task, options: GreylistOptions, seen: _Seen, why: str, evidence: str) -> Outcome:
    end = _date(seen.until)
    found = (Finding(options.symbol, ("greylisted", end, why), evidence=evidence),)
    if is_rspamc(task) and not options.check_local:
        return Outcome(found, value=seen)
    message = f"{options.message}: {end}" if options.report_time else options.message
    refused = PreResult(Action.parse(options.action), message, _MODULE)
    return Outcome(found, value=seen, pre_result=refused)


@check(
    "greylist_save",
    module=_MODULE,
    options=GreylistOptions,
    stage=Stage.POSTFILTER,
    priority=5,
    symbols=(Symbol("GREYLIST_SAVE", 0.0, "Greylisting decides by the score", GROUPS),),
    needs=("greylist",),
)
def greylist_save(task: Task) -> Outcome | None:
    """New mail waits if its score says so; mail that has waited passes and is remembered."""
    state: _Greylist | None = task.state("greylist")
    if state is None:
        return None
    options = task.options(GreylistOptions)
    decision = task.decision
    if decision.pre_result is not None:
        return None
    if _may_pass(task, options, state, decision.score):
        return _downgraded(decision.action)
    seen: _Seen | None = task.results.get("greylist")
    if seen is None or decision.action in (Action.NO_ACTION, Action.REJECT):
        return None
    passed = seen.passed or ("meta" if _is_trusted_name(task.envelope.hostname, state) else "")
    if passed:
        return _passes(task, options, state, seen._replace(passed=passed), decision.action)
    if not seen.new or (is_rspamc(task) and not options.check_local):
        return None
    now = int(task.now)
    new = _waits(
        task, options, seen._replace(until=now + options.timeout), "new record", "no record of it"
    )
    life = max(int(options.expire), 1)
    records = tuple(state.store.set(k, b"%d" % now, ttl=life) for k in (seen.body, seen.envelope))
    return Outcome(new.findings, value=new.value, pre_result=new.pre_result, notices=records)


def _may_pass(task: Task, options: GreylistOptions, state: _Greylist, score: float) -> bool:
    """Whether a message passes that would wait by its score."""
    if options.whitelist_symbols:
        found = {finding.symbol for finding in task.findings}
        if not found.isdisjoint(options.whitelist_symbols):
            return True
    least = options.greylist_min_score
    if least is not None and score < least:
        return True
    if _is_exempt(task, options):
        return True
    return task.ip is not None and task.ip in state.networks


def _downgraded(action: Action) -> Outcome | None:
    return Outcome(without=(Action.GREYLIST,)) if action is Action.GREYLIST else None


def _is_trusted_name(name: str | None, state: _Greylist) -> bool:
    return name is not None and (name in state.names or organisational_domain(name) in state.names)


def _passes(
    task: Task, options: GreylistOptions, state: _Greylist, seen: _Seen, action: Action
) -> Outcome:
    life = options.expire if options.pass_expire is None else options.pass_expire
    evidence = _waited(seen, task.now, options, life)
    found = (Finding(options.symbol, ("pass", seen.passed), evidence=evidence),)
    without = (Action.GREYLIST,) if action is Action.GREYLIST else ()
    if is_rspamc(task) and not options.check_local:
        return Outcome(found, without=without)
    store = state.store
    notices: list[StoreQuestion] = [store.expire(key, life) for key in (seen.body, seen.envelope)]
    if seen.client:
        notices += (store.increase(seen.client), store.expire(seen.client, options.awl_ttl))
    return Outcome(found, without=without, notices=tuple(notices))
