"""Lists in DNS (module rbl, and its older spellings surbl and emails).

Sources: RFC 5782 and Rspamd's documentation of the module. Names of all rules are collected first
and asked at once; equal names are asked once. Whitelists therefore do not save questions, they
take hits of other lists back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filter_engine.checks.rbl.lists import Lists
from filter_engine.checks.rbl.lookup import look_up
from filter_engine.checks.rbl.monitor import Monitor
from filter_engine.checks.rbl.options import EmailsOptions, RblOptions, RblRule, SurblOptions
from filter_engine.checks.rbl.rules import (
    from_emails,
    from_surbl,
    is_used,
    main_symbol,
    make_rules,
    put_over,
    rules_of,
    symbols_in,
)
from filter_engine.checks.rbl.stock import SYMBOLS
from filter_engine.config.addresses import LOOPBACK, PRIVATE
from filter_engine.config.map_definition import MapKind
from filter_engine.scan.declare import Stage, Symbol, check
from filter_engine.scan.question import Ask
from filter_engine.scan.setup import Setup
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUP = "rbl"
_BLOCKED = "blocked"


def _symbols(rules: Mapping[str, RblRule]) -> Iterator[Symbol]:
    """The symbols of rules, as far as no shipped list has them."""
    for name, rule in rules.items():
        base = rule.symbol or name.upper()
        groups = (rule.group or _GROUP,)
        text = rule.description or f"{rule.rbl} lists something of the mail"
        own = list(symbols_in(name, rule))
        main = main_symbol(name, rule)
        if rule.symbols_prefixes:
            yield Symbol(main, 0.0, f"{rule.rbl} is asked", groups, rule=main)
        for symbol in own:
            place = rule.written_at("score")
            yield Symbol(symbol, rule.score or 0.0, text, groups, rule=main, origin=place)
        failed = f"{rule.rbl} gave no answer that can be used"
        yield Symbol(f"{base}_FAIL", 0.0, failed, groups, rule=main)
        refused = f"{base}_BLOCKED"
        if refused not in own:
            blocked = f"{rule.rbl} refuses this resolver"
            yield Symbol(refused, 0.0, blocked, (*groups, _BLOCKED), rule=main)


def _part(rules: Mapping[str, RblRule], *, late: bool) -> dict[str, RblRule]:
    """The rules that wait for symbols (``require_symbols``), or the others."""
    return {name: rule for name, rule in rules.items() if bool(rule.require_symbols) is late}


def _rbl_symbols(options: RblOptions) -> Iterator[Symbol]:
    return _symbols(_part(rules_of(options), late=False))


def _late_symbols(options: RblOptions) -> Iterator[Symbol]:
    return _symbols(_part(rules_of(options), late=True))


def _surbl_rules(options: SurblOptions, over: Mapping[str, RblRule]) -> dict[str, RblRule]:
    found = {name: from_surbl(rule, options.whitelist) for name, rule in options.rules.items()}
    return {name: _over(over.get(name), rule) for name, rule in found.items()}


def _emails_rules(options: EmailsOptions, over: Mapping[str, RblRule]) -> dict[str, RblRule]:
    found = {
        name: from_emails(name, rule, options.whitelist) for name, rule in options.rules.items()
    }
    return {name: _over(over.get(name), rule) for name, rule in found.items()}


def _over(first: RblRule | None, rule: RblRule) -> RblRule:
    return rule if first is None else put_over(first, rule)


def _surbl_symbols(options: SurblOptions) -> Iterator[Symbol]:
    return _symbols(_surbl_rules(options, {}))


def _emails_symbols(options: EmailsOptions) -> Iterator[Symbol]:
    return _symbols(_emails_rules(options, {}))


def _lists(rules: Mapping[str, RblRule], setup: Setup) -> Lists:
    options = setup.config.modules.get("rbl")
    options = options if isinstance(options, RblOptions) else RblOptions()
    used = {name: rule for name, rule in rules.items() if is_used(rule, options)}
    disabled = options.disabled_rbl_suffixes_map
    return Lists(
        make_rules(used, options, setup),
        setup.config.options.local | PRIVATE | LOOPBACK,
        Monitor(options.monitored_interval),
        setup.config.options.dns_max_requests,
        None
        if disabled is None
        else setup.maps.of(disabled, MapKind.SET, "rbl.disabled_rbl_suffixes_map"),
    )


def _prepare_rbl(options: RblOptions, setup: Setup) -> Lists:
    return _lists(_part(_own_rules(options, setup), late=False), setup)


def _prepare_late(options: RblOptions, setup: Setup) -> Lists:
    return _lists(_part(_own_rules(options, setup), late=True), setup)


def _own_rules(options: RblOptions, setup: Setup) -> dict[str, RblRule]:
    """The rules of ``rbl``; those that an older module spells too are that module's."""
    older = {
        name
        for module in ("surbl", "emails")
        if setup.config.is_enabled(module)
        and isinstance(section := setup.config.modules.get(module), (SurblOptions, EmailsOptions))
        for name in section.rules
    }
    return {name: rule for name, rule in rules_of(options).items() if name not in older}


def _of_rbl(setup: Setup) -> dict[str, RblRule]:
    section = setup.config.modules.get("rbl")
    return dict(section.rbls) if isinstance(section, RblOptions) else {}


def _prepare_surbl(options: SurblOptions, setup: Setup) -> Lists:
    return _lists(_surbl_rules(options, _of_rbl(setup)), setup)


def _prepare_emails(options: EmailsOptions, setup: Setup) -> Lists:
    return _lists(_emails_rules(options, _of_rbl(setup)), setup)


@check(
    "rbl",
    options=RblOptions,
    symbols=SYMBOLS,
    symbols_of=_rbl_symbols,
    prepare=_prepare_rbl,
    needs=("dkim",),
)
async def rbl(task: Task, ask: Ask) -> list[Finding]:
    """Addresses and names of the mail in the lists of the section ``rbl``."""
    return await look_up(task, ask, task.state("rbl"))


@check(
    "rbl_late",
    module="rbl",
    stage=Stage.CLASSIFIER,
    options=RblOptions,
    symbols=(),
    symbols_of=_late_symbols,
    prepare=_prepare_late,
    has_work=lambda options: bool(_part(rules_of(options), late=True)),
    needs=("dkim",),
)
async def rbl_late(task: Task, ask: Ask) -> list[Finding]:
    """Lists that are asked only beside other symbols (``require_symbols``)."""
    return await look_up(task, ask, task.state("rbl_late"))


@check(
    "surbl",
    options=SurblOptions,
    symbols=(),
    symbols_of=_surbl_symbols,
    prepare=_prepare_surbl,
    has_work=lambda options: bool(options.rules),
    needs=("dkim",),
)
async def surbl(task: Task, ask: Ask) -> list[Finding]:
    """Names in the lists of the section ``surbl``."""
    return await look_up(task, ask, task.state("surbl"))


@check(
    "emails",
    options=EmailsOptions,
    symbols=(),
    symbols_of=_emails_symbols,
    prepare=_prepare_emails,
    has_work=lambda options: bool(options.rules),
)
async def emails(task: Task, ask: Ask) -> list[Finding]:
    """Mail addresses in the lists of the section ``emails``."""
    return await look_up(task, ask, task.state("emails"))
