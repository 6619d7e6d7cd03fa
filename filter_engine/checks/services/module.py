"""The modules antivirus, external_services and dcc: checks that ask other programs about a mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from filter_engine.checks.services.cache import Cache
from filter_engine.checks.services.contents import Content, contents
from filter_engine.checks.services.filters import PROTOCOLS as FILTERS
from filter_engine.checks.services.options import (
    SERVED_TYPES,
    AntivirusOptions,
    DccOptions,
    ExternalServicesOptions,
    ScannerRule,
    protocol_name,
)
from filter_engine.checks.services.protocol import Said
from filter_engine.checks.services.rule import Rule, symbols, with_defaults
from filter_engine.config.upstreams import parse_upstreams
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.store import Store, StoreQuestion
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Finding, Outcome, PreResult

_LATE: Final = "postfilter"
Options = AntivirusOptions | ExternalServicesOptions


def _used(module: str, options: Options, *, late: bool) -> Iterator[ScannerRule]:
    """The rules of a stage, with their defaults."""
    for name, rule in options.rules.items():
        type_ = protocol_name(name, rule)
        protocol = SERVED_TYPES[module].get(type_)
        if rule.enabled and rule.servers is not None and protocol is not None:
            named = replace(rule, type=type_, name=rule.name or name)
            full = with_defaults(named, protocol, of_viruses=module == "antivirus")
            if (full.symbol_type == _LATE) is late:
                yield full


def finds(options: AntivirusOptions) -> Iterator[str]:
    """The symbols by which the rules tell that they found something."""
    for late in (False, True):
        for rule in _used("antivirus", options, late=late):
            yield rule.symbol
            yield from (symbol for symbol, _ in rule.patterns)


def _symbols_of(module: str, *, late: bool) -> Callable[[Options], Iterator[Symbol]]:
    def found(options: Options) -> Iterator[Symbol]:
        for rule in _used(module, options, late=late):
            yield from symbols(rule, module)

    return found


def _prepare(module: str, *, late: bool) -> Callable[[Options, Setup], tuple[Rule, ...]]:
    def prepare(options: Options, setup: Setup) -> tuple[Rule, ...]:
        store = _store(module, options, setup)
        return tuple(
            Rule(rule, SERVED_TYPES[module][rule.type], setup, module, store)
            for rule in _used(module, options, late=late)
        )

    return prepare


def _store(module: str, options: Options, setup: Setup) -> Store | None:
    """Where answers are kept; None where a site has no Redis."""
    shared = setup.config.redis
    if options.redis.is_set or (shared is not None and module not in shared.disabled_modules):
        return setup.store(module, options.redis, embedded=False, prefixed=False)
    return None


def _has_rules(module: str, *, late: bool) -> Callable[[Options], bool]:
    return lambda options: any(_used(module, options, late=late))


async def _asked(task: Task, ask: Ask, rules: Iterable[Rule]) -> Outcome | None:
    """Ask all programs at once about all that they scan and nobody knows yet."""
    wanted = [
        _Asked(rule, content)
        for rule in rules
        if task.is_wanted(rule.options.symbol)
        for content in contents(rule, task)
    ]
    if not wanted:
        return None
    await _look_up(ask, wanted)
    asked = [each for each in wanted if not each.said]
    questions = [ask.exchange(each.rule.question(task, each.content)) for each in asked]
    replies = await ask.all(*questions) if questions else ()
    notices: list[StoreQuestion] = []
    for each, reply in zip(asked, replies, strict=True):
        each.said, each.server = each.rule.said(reply), reply.server
        if each.rule.cache is not None:
            kept = each.rule.cache.put(each.key, each.said, each.content.name)
            notices += [] if kept is None else [kept]
    found: list[Finding] = []
    forced: list[PreResult] = []
    for each in wanted:
        findings, pre_result = each.rule.findings(each.content, each.said, each.server)
        found += findings
        if pre_result is not None:
            forced.append(pre_result)
    reject = next((each for each in forced if each.action is Action.REJECT), None)
    return Outcome(
        tuple(found),
        pre_result=reject or next(iter(forced), None),
        notices=tuple(dict.fromkeys(notices)),
    )


@dataclass(slots=True)
class _Asked:
    """A content that a rule scans, and what is known of it."""

    rule: Rule
    content: Content
    said: tuple[Said, ...] = ()
    server: str = ""
    key: bytes = b""


async def _look_up(ask: Ask, wanted: Iterable[_Asked]) -> None:
    """Fill in what was said of the contents before."""
    cached: list[tuple[_Asked, Cache]] = []
    for each in wanted:
        if each.rule.cache is not None:
            each.key = each.rule.cache.key(each.content, of_part=each.rule.of_parts)
            cached.append((each, each.rule.cache))
    if not cached:
        return
    answers = await ask.all(*(ask.store(cache.get(each.key)) for each, cache in cached))
    for (each, cache), answer in zip(cached, answers, strict=True):
        each.said = cache.read(answer)
        each.server = f"{answer.server} (known before)"


def _undecided(task: Task, rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules whose answer may matter yet: ``dynamic_scan`` leaves clear spam out."""
    for rule in rules:
        options = rule.options
        may_not = options.dynamic_scan and options.action != Action.REJECT.value
        if not (may_not and task.decision.action is Action.REJECT):
            yield rule


@check(
    "antivirus",
    symbols=(),
    options=AntivirusOptions,
    symbols_of=_symbols_of("antivirus", late=False),
    prepare=_prepare("antivirus", late=False),
    has_work=_has_rules("antivirus", late=False),
)
async def antivirus(task: Task, ask: Ask) -> Outcome | None:
    """Virus scanners are asked about attachments, or about the message."""
    return await _asked(task, ask, task.state("antivirus") or ())


@check(
    "antivirus_late",
    module="antivirus",
    stage=Stage.POSTFILTER,
    symbols=(),
    options=AntivirusOptions,
    symbols_of=_symbols_of("antivirus", late=True),
    prepare=_prepare("antivirus", late=True),
    has_work=_has_rules("antivirus", late=True),
)
async def antivirus_late(task: Task, ask: Ask) -> Outcome | None:
    """Virus scanners that are asked once the score is known."""
    return await _asked(task, ask, _undecided(task, task.state("antivirus_late") or ()))


@check(
    "external_services",
    symbols=(),
    options=ExternalServicesOptions,
    symbols_of=_symbols_of("external_services", late=False),
    prepare=_prepare("external_services", late=False),
    has_work=_has_rules("external_services", late=False),
)
async def external_services(task: Task, ask: Ask) -> Outcome | None:
    """Other filters are asked about the message."""
    return await _asked(task, ask, task.state("external_services") or ())


@check(
    "external_services_late",
    module="external_services",
    stage=Stage.POSTFILTER,
    symbols=(),
    options=ExternalServicesOptions,
    symbols_of=_symbols_of("external_services", late=True),
    prepare=_prepare("external_services", late=True),
    has_work=_has_rules("external_services", late=True),
)
async def external_services_late(task: Task, ask: Ask) -> Outcome | None:
    """Other filters that are asked once the score is known."""
    return await _asked(task, ask, _undecided(task, task.state("external_services_late") or ()))


# -- the module dcc ------------------------------------------------------------------------------

_DCC: Final = "DCC_CHECK"
_SCORES: Final[Mapping[str, tuple[float, str]]] = {
    "DCC_REJECT": (2.0, "DCC rejects the mail"),
    "DCC_BULK": (1.0, "DCC counted the mail often"),
    "DCC_FAIL": (0.0, "DCC gives no answer"),
}


def _dcc_rule(options: DccOptions) -> ScannerRule | None:
    servers = options.servers
    if servers is None and options.host:
        servers = parse_upstreams(options.host, options.port or FILTERS["dcc"].port)
    if servers is None:
        return None
    named = replace(options, servers=servers, type="dcc", name=options.name or "dcc")
    return with_defaults(named, FILTERS["dcc"], of_viruses=False)


def _dcc_symbols(options: DccOptions) -> Iterator[Symbol]:
    rule = _dcc_rule(options)
    for symbol in () if rule is None else symbols(rule, "dcc"):
        score, text = _SCORES.get(symbol.name, (symbol.score, symbol.description))
        yield replace(symbol, score=score, description=text, one_shot=True, rule=_DCC)


def _prepare_dcc(options: DccOptions, setup: Setup) -> tuple[Rule, ...]:
    rule = _dcc_rule(options)
    return () if rule is None else (Rule(rule, FILTERS["dcc"], setup, "dcc"),)


@check(
    "dcc",
    callback=_DCC,
    symbols=(),
    options=DccOptions,
    symbols_of=_dcc_symbols,
    prepare=_prepare_dcc,
    has_work=lambda options: _dcc_rule(options) is not None,
)
async def dcc(task: Task, ask: Ask) -> Outcome | None:
    """DCC is asked how often it saw the mail."""
    return await _asked(task, ask, task.state("dcc") or ())
