"""Rules made ready for use: what each list is asked, and which symbols its answers set."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from filter_engine.checks.rbl.answers import Codes, codes_of
from filter_engine.checks.rbl.compose import Composition
from filter_engine.checks.rbl.hashing import Hashing, hashing_of
from filter_engine.checks.rbl.options import (
    CHECKS,
    EmailsRule,
    RblOptions,
    RblRule,
    SurblRule,
)
from filter_engine.config.map_definition import MapDefinition, MapKind
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.scan.setup import Setup
from filter_engine.selectors import Selector, compile_selector

log = logging.getLogger(__name__)

_WHITELIST: Final = "surbl-whitelist.inc"
_PRIVATE: Final = "exclude_private_ips"
"""Rspamd gave the option up later: ``exclude_local`` of a rule decides over both then."""
_ATTRIBUTE: Final = {"from": "from_"}
_OF_ADDRESSES: Final = frozenset({"from", "received"})
_OF_NAMES: Final = frozenset({"urls", "emails", "dkim", "replyto"})
OF_URLS: Final = frozenset({"urls", "content_urls", "numeric_urls", "images"})
"""Checks that look up hosts of URLs."""


Shared = dict["MapDefinition | str", Map]
"""The maps of names that several rules use, so that a name is looked for once."""


class UnusableRuleError(ValueError):
    """A rule that cannot be used; the message says why."""


@frozen
class Rule:
    """One list, with every default filled in."""

    name: str
    zone: str
    """With a leading dot, in lower case."""
    symbol: str
    symbols: tuple[str, ...]
    """All that answers may set, failures and refusals aside."""
    prefixes: Mapping[str, str]
    codes: Codes
    checks: frozenset[str]
    hashing: Hashing | None
    selectors: tuple[tuple[str, Selector], ...]
    """With their labels."""
    flatten: bool
    """Each text a selector gives is looked up, not all of them joined."""
    ipv4: bool
    ipv6: bool
    received_flags: frozenset[str]
    received_nflags: frozenset[str]
    received_min: int | None
    received_max: int | None
    no_ip: bool
    resolve_ip: bool
    full_hostname: bool
    composition: Composition | None
    domain_only: bool
    """Of mail addresses only the domain is looked up."""
    delimiter: str
    dkim_domain_only: bool
    dkim_match_from: bool
    limit: int
    exclude_users: bool
    exclude_local: bool
    exclude_private: bool
    names_required: bool
    is_whitelist: bool
    whitelist_exceptions: frozenset[str]
    ignore_whitelist: bool
    whitelist: Map | None
    excluded_addresses: tuple[Map, ...]
    required_symbols: tuple[str, ...]
    monitored: bool
    monitored_address: str
    random_monitored: bool

    @property
    def of_urls(self) -> bool:
        """Whether URLs are looked up."""
        return bool(self.checks & OF_URLS)

    def symbol_for(self, base: str, label: str) -> str:
        """A symbol as it is called for what was looked up."""
        prefix = self.prefixes.get(label)
        return base if prefix is None else f"{prefix}_{base}"

    @property
    def failed(self) -> str:
        """The symbol of an answer that did not come."""
        return f"{self.symbol}_FAIL"

    @property
    def blocked(self) -> str:
        """The symbol of a list that refuses this resolver."""
        return f"{self.symbol}_BLOCKED"


def rules_of(options: RblOptions) -> dict[str, RblRule]:
    """The rules of ``rbls``, with those of ``rules`` put over them, as far as they are used."""
    return {name: rule for name, rule in merged_rules(options).items() if is_used(rule, options)}


def merged_rules(options: RblOptions) -> dict[str, RblRule]:
    """All rules, those of ``rules`` put over those of ``rbls``."""
    found = dict(options.rbls)
    for name, rule in options.rules.items():
        found[name] = put_over(found[name], rule) if name in found else rule
    return found


def put_over(first: RblRule, second: RblRule) -> RblRule:
    """``first`` with what somebody wrote for ``second``."""
    written = {name: getattr(second, name) for name in second.origins if name != "origins"}
    return replace(first, **written, origins={**first.origins, **second.origins})


def is_used(rule: RblRule, options: RblOptions) -> bool:
    """Whether a rule is switched on and names a list."""
    return is_on(rule, options) and bool(rule.rbl.strip("."))


def is_on(rule: RblRule, options: RblOptions) -> bool:
    """Whether a rule is switched on."""
    on = options.default_enabled if rule.enabled is None else rule.enabled
    return on and not rule.disabled


def from_surbl(rule: SurblRule, whitelist: MapDefinition | None) -> RblRule:
    """A rule of the older module ``surbl`` in the words of ``rbl``."""
    said: dict[str, object] = {
        "enabled": True,
        "urls": True,
        "ignore_defaults": True,
        "whitelist": whitelist,
        "rbl": rule.suffix,
        "no_ip": rule.no_ip or bool(rule.options),
        "dkim": rule.check_dkim,
        "emails": rule.check_emails,
        "images": rule.images,
    }
    if rule.check_dkim:
        said |= {"dkim_domainonly": False, "dkim_match_from": True}
    if rule.check_emails:
        said["emails_domainonly"] = True
    for ours, theirs in (("returncodes", "ips"), ("returnbits", "bits"), *_SAME_IN_SURBL):
        if theirs in rule.origins:
            said[ours] = getattr(rule, theirs)
    return _said(said)


_SAME_IN_SURBL: Final = (
    ("symbol", "symbol"),
    ("resolve_ip", "resolve_ip"),
    ("hash", "hash"),
    ("process_script", "process_script"),
    ("url_compose_map", "url_compose_map"),
    ("whitelist_exception", "whitelist_exception"),
    ("monitored_address", "monitored_domain"),
)


def from_emails(name: str, rule: EmailsRule, whitelist: MapDefinition | None) -> RblRule:
    """A rule of the older module ``emails`` in the words of ``rbl``."""
    said: dict[str, object] = {
        "enabled": True,
        "emails": not rule.skip_body,
        "replyto": rule.replyto or rule.skip_body,
        "ignore_defaults": True,
        "whitelist": whitelist,
        "rbl": rule.dnsbl,
        "emails_domainonly": rule.domain_only,
    }
    for ours, theirs in (
        ("symbol", "symbol"),
        ("hash", "hash"),
        ("hash_len", "hashlen"),
        ("hash_format", "encoding"),
        ("emails_delimiter", "delimiter"),
        ("returncodes", "returncodes"),
    ):
        if theirs in rule.origins:
            said[ours] = getattr(rule, theirs)
    if rule.expect_ip:
        said["returncodes"] = {rule.symbol or name: (rule.expect_ip,)}
    return _said(said)


def _said(values: dict[str, object]) -> RblRule:
    known = {made.name for made in fields(RblRule)}
    assert values.keys() <= known
    rule = RblRule(**values)  # type: ignore[arg-type]
    return replace(rule, origins=dict.fromkeys(values, rule.origin("")))


def make_rules(rules: Mapping[str, RblRule], options: RblOptions, setup: Setup) -> tuple[Rule, ...]:
    """All rules made ready. One that cannot be used is logged and left out."""
    made = []
    shared: Shared = {}
    for name, rule in rules.items():
        try:
            made.append(make_rule(name, rule, options, setup, shared))
        except ValueError as error:
            log.warning("rbl rule %s is not used: %s", name, error)
    return tuple(made)


def main_symbol(name: str, rule: RblRule) -> str:
    """The symbol that stands for the whole rule."""
    symbol = rule.symbol or name.upper()
    return f"{symbol}_CHECK" if rule.symbols_prefixes else symbol


def symbols_in(name: str, rule: RblRule) -> Iterator[str]:
    """The symbols a rule may set, its own first; those of failure and refusal not."""
    symbol = rule.symbol or name.upper()
    codes = (*rule.returnbits, *(rule.returncodes if not rule.returnbits else ()))
    for base in dict.fromkeys((symbol, *(code.upper() for code in codes))):
        if rule.symbols_prefixes:
            for prefix in rule.symbols_prefixes.values():
                yield f"{prefix}_{base}"
        else:
            yield base


def checks_of(rule: RblRule, options: RblOptions) -> frozenset[str]:
    """What a rule looks up; the client's address when it does not say."""
    excluded = {*rule.exclude_checks, *options.default_exclude_checks}
    found = {check for check in rule.checks if check not in excluded}
    found |= {check for check in CHECKS if getattr(rule, _ATTRIBUTE.get(check, check)) is True}
    if rule.selector:
        found.add("selector")
    else:
        found.discard("selector")
    said = rule.checks or any(
        getattr(rule, _ATTRIBUTE.get(check, check)) is not None
        for check in CHECKS
        if check not in ("images", "selector")
    )
    return frozenset(found if found or said else {"from"})


def make_rule(name: str, rule: RblRule, options: RblOptions, setup: Setup, shared: Shared) -> Rule:
    """One rule with its defaults, maps and codes. Raises ValueError for one without use."""

    def flag(attribute: str) -> bool:
        value: bool | None = getattr(rule, attribute)
        if value is not None:
            return value
        return not rule.ignore_defaults and bool(getattr(options, f"default_{attribute}"))

    checks = checks_of(rule, options)
    if not checks:
        raise UnusableRuleError("it has no checks left")
    where = f"rbl.{name}"
    excluded = (options.local_exclude_ip_map, rule.local_exclude_ip_map)
    switches = (rule, options, setup.config.options)
    monitored = not any(switch.disable_monitoring for switch in switches)
    no_ip = flag("no_ip")
    random = rule.random_monitored
    return Rule(
        name=name,
        zone=f".{rule.rbl.strip('.').lower()}",
        symbol=rule.symbol or name.upper(),
        symbols=tuple(symbols_in(name, rule)),
        prefixes=rule.symbols_prefixes,
        codes=codes_of(rule, unknown=flag("unknown")),
        checks=checks,
        hashing=hashing_of(rule),
        selectors=_selectors(rule, options, setup),
        flatten=rule.selector_flatten
        if rule.selector_flatten is not None
        else options.default_selector_flatten,
        ipv4=flag("ipv4"),
        ipv6=flag("ipv6"),
        received_flags=frozenset(rule.received_flags or options.default_received_flags),
        received_nflags=frozenset(rule.received_nflags or options.default_received_nflags),
        received_min=rule.received_min_pos,
        received_max=rule.received_max_pos,
        no_ip=no_ip,
        resolve_ip=rule.resolve_ip,
        full_hostname=rule.url_full_hostname,
        composition=None
        if rule.url_compose_map is None
        else Composition(
            setup.maps.of(rule.url_compose_map, MapKind.TEXT, f"{where}.url_compose_map")
        ),
        domain_only=flag("emails_domainonly"),
        delimiter=rule.emails_delimiter or ("@" if rule.hash else "."),
        dkim_domain_only=flag("dkim_domainonly"),
        dkim_match_from=flag("dkim_match_from"),
        limit=rule.requests_limit or setup.config.options.dns_max_requests,
        exclude_users=flag("exclude_users"),
        exclude_local=flag("exclude_local"),
        exclude_private=flag(_PRIVATE)
        if rule.exclude_local is None or rule.exclude_private_ips is not None
        else rule.exclude_local,
        names_required=options.names_required
        if rule.names_required is None
        else rule.names_required,
        is_whitelist=bool(rule.is_whitelist),
        whitelist_exceptions=frozenset(rule.whitelist_exception),
        ignore_whitelist=bool(rule.ignore_whitelist),
        whitelist=_whitelist(rule, options, checks, setup, where, shared),
        excluded_addresses=tuple(
            setup.maps.of(written, MapKind.RADIX, f"{where}.local_exclude_ip_map")
            for written in excluded
            if written is not None
        ),
        required_symbols=rule.require_symbols,
        monitored=monitored,
        monitored_address=rule.monitored_address,
        random_monitored=random if random is not None else no_ip or not checks & _OF_ADDRESSES,
    )


def _selectors(
    rule: RblRule, options: RblOptions, setup: Setup
) -> tuple[tuple[str, Selector], ...]:
    if not rule.selector:
        return ()
    maps = {
        name: setup.maps.of(written, MapKind.HASH, f"rbl.attached_maps.{name}")
        for name, written in options.attached_maps.items()
    }
    found = []
    for label, text in rule.selector.items():
        selector = compile_selector(text, maps=maps)
        if selector.late and not rule.require_symbols:
            raise UnusableRuleError(
                f"its selector {text} reads symbols: say in require_symbols which it waits for"
            )
        found.append((label, selector))
    return tuple(found)


def _whitelist(
    rule: RblRule,
    options: RblOptions,
    checks: frozenset[str],
    setup: Setup,
    where: str,
    shared: Shared,
) -> Map | None:
    of_addresses = bool(checks & _OF_ADDRESSES)
    if rule.ignore_whitelist:
        return None
    if rule.whitelist is not None:
        kind = MapKind.RADIX if of_addresses else MapKind.SET
        return setup.maps.of(rule.whitelist, kind, f"{where}.whitelist")
    if rule.ignore_url_whitelist or of_addresses or not checks & _OF_NAMES:
        return None
    written = rule.url_whitelist or options.url_whitelist or _default_whitelist(setup)
    if not written:
        return None
    if written not in shared:
        shared[written] = setup.maps.of(written, MapKind.SET, f"{where}.url_whitelist")
    return shared[written]


def _default_whitelist(setup: Setup) -> str:
    """The file of names that are not looked up: the site's, else the shipped one."""
    variables = setup.config.variables
    own = Path(variables.get("LOCAL_CONFDIR", ""), "local.d", "maps.d", f"{_WHITELIST}.local")
    shipped = Path(variables.get("CONFDIR", ""), "maps.d", _WHITELIST)
    return next((str(file) for file in (own, shipped) if file.is_absolute() and file.is_file()), "")
