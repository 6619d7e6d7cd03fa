"""The rules of a module, and which of them are asked about a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, NamedTuple

from filter_engine.checks.rbl.elements import Found
from filter_engine.checks.rbl.families import Family, families
from filter_engine.checks.rbl.monitor import Monitor
from filter_engine.checks.rbl.rules import Rule
from filter_engine.config.addresses import AddressSet
from filter_engine.lazy_dataclass import frozen
from filter_engine.maps import Map
from filter_engine.scan.metric import Score
from filter_engine.scan.task import Task

_MAX_WANTED: Final = 64
"""Sets of scores and kinds of clients whose rules are remembered."""


class Asking(NamedTuple):
    """A rule, and what of it says how it is asked."""

    rule: Rule
    family: Family
    simple: bool
    """It looks up what its family does, and no more."""
    signed: bool
    waits: bool
    """Its selectors read what other checks find."""


class Wanted(NamedTuple):
    """The rules that may say something of some mail."""

    rules: tuple[Asking, ...]
    conditional: bool
    """Some depend on more of it than all that is known here (``lookup.look_up``)."""


@frozen
class Lists:
    """The rules of a module, made ready once a configuration."""

    rules: tuple[Rule, ...]
    local: AddressSet
    """Addresses of the site, or of nobody on the Internet."""
    monitor: Monitor
    max_requests: int
    """Questions of one message, beyond which only ``ALWAYS`` is asked for."""
    disabled_zones: Map | None = None
    _wanted: dict[object, tuple[Mapping[str, Score], Wanted]] = field(default_factory=dict)

    def wanted(self, task: Task, found: Found) -> Wanted:
        """The rules of which a symbol is not switched off, and that are meant for such a client.

        Kept: the scores are the configuration's, or those of one of its settings.
        """
        scores = task.scores
        client = task.authenticated, found.local_client, found.has_helo, found.has_hostname
        known = self._wanted.get((id(scores), client))
        if known is None or known[0] is not scores:
            if len(self._wanted) >= _MAX_WANTED:
                self._wanted.clear()
            rules = [rule for rule in self.rules if any(map(task.is_wanted, rule.symbols))]
            rules = [rule for rule in rules if _is_meant_for(rule, *client)]
            family = families(rules)
            wanted = Wanted(
                tuple(_asking(rule, family[rule.name]) for rule in rules),
                self.disabled_zones is not None
                or any(rule.excluded_addresses or rule.required_symbols for rule in rules),
            )
            known = self._wanted[id(scores), client] = (scores, wanted)
        return known[1]


def _asking(rule: Rule, family: Family) -> Asking:
    return Asking(
        rule,
        family,
        not rule.selectors and not rule.resolve_ip,
        "dkim" in rule.checks,
        bool(rule.selectors and needed_by(rule)),
    )


def _is_meant_for(
    rule: Rule, authenticated: bool, local: bool, has_helo: bool, has_hostname: bool
) -> bool:
    """Whether a rule says anything of mail of such a client."""
    if rule.exclude_users and authenticated:
        return False
    if local and (rule.exclude_local or rule.exclude_private):
        return False
    return not rule.names_required or (
        (has_helo or "helo" not in rule.checks) and (has_hostname or "rdns" not in rule.checks)
    )


def needed_by(rule: Rule) -> frozenset[str]:
    """The checks whose results a rule's selectors read."""
    return frozenset().union(*(selector.needs for _, selector in rule.selectors))
