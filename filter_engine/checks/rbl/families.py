"""Which rules look up the same things of a message, so that these are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from filter_engine.checks.rbl.elements import Elements, Found
from filter_engine.checks.rbl.rules import OF_URLS, Rule


class Source:
    """One kind of thing that is looked up. Rules that want the same of it share it."""

    __slots__ = ("_collect", "_rule")

    def __init__(self, collect: Callable[[Found, Rule], Elements], rule: Rule) -> None:
        """``rule``: one of those that share it."""
        self._collect = collect
        self._rule = rule

    def of(self, found: Found) -> Elements:
        """What a message has of it."""
        elements = found.kept.get(self)
        if elements is None:
            elements = found.kept[self] = self._collect(found, self._rule)
        return elements


class Family:
    """Rules that ask for the same names, each in its own zone."""

    __slots__ = ("_sources", "rule")

    def __init__(self, sources: tuple[Source, ...], rule: Rule) -> None:
        self._sources = sources
        self.rule = rule
        """One of them."""

    def elements(self, found: Found) -> list[Elements]:
        """What its rules look up, signatures and selectors apart, in order and by kind."""
        return [elements for source in self._sources if (elements := source.of(found))]


def families(rules: Iterable[Rule]) -> dict[str, Family]:
    """Name of a rule -> its family."""
    sources: dict[object, Source] = {}
    known: dict[object, Family] = {}
    found: dict[str, Family] = {}
    for rule in rules:
        own = tuple(
            sources.setdefault((collect, *wanted), Source(collect, rule))
            for collect, *wanted in _wanted(rule)
        )
        key = own, id(rule.whitelist), id(rule.hashing), _delimiter(rule)
        found[rule.name] = known.setdefault(key, Family(own, rule))
    return found


def _wanted(rule: Rule) -> list[tuple[Callable[[Found, Rule], Elements], *tuple[object, ...]]]:
    """What a rule looks up, each with all of the rule that decides what that is."""
    checks = rule.checks
    mailbox = rule.domain_only, _delimiter(rule), id(rule.composition)
    kinds = rule.ipv4, rule.ipv6
    found: list[tuple[Callable[[Found, Rule], Elements], *tuple[object, ...]]] = []
    if "helo" in checks:
        found.append((Found.helo, rule.no_ip))
    if "emails" in checks:
        found.append((Found.mailboxes, rule.full_hostname, *mailbox, rule.limit))
    if "replyto" in checks:
        found.append((Found.answered_to, *mailbox))
    if rule.of_urls:
        names = rule.no_ip, rule.full_hostname, id(rule.composition)
        found.append((Found.hosts, checks & OF_URLS, *names, rule.limit))
    if "from" in checks:
        found.append((Found.client, *kinds))
    if "received" in checks:
        places = rule.received_min, rule.received_max
        flags = rule.received_flags, rule.received_nflags
        foreign = rule.exclude_private or rule.exclude_local
        found.append((Found.received, *kinds, *places, *flags, foreign))
    if "rdns" in checks:
        found.append((Found.rdns, rule.no_ip))
    return found


def _delimiter(rule: Rule) -> str:
    """What stands in the rule's mail addresses, if it looks up more of them than the domain."""
    return "" if rule.domain_only else rule.delimiter
