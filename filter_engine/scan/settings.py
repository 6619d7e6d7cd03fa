"""Settings: which rule a mail falls under, and the plan that the rule makes of the whole one.

Source: Rspamd's documentation of the settings module and its replies. Settings that a request
brings (the header ``Settings``, a ``Settings-ID``, ``MaxScore``) have the lowest priority unless
the rule that the id names has another: a rule of a higher priority that fits wins over them.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from filter_engine.config.map_definition import MapKind
from filter_engine.config.settings import SettingsRule
from filter_engine.config.settings_apply import ApplyError, SetSymbol, SettingsApply, parse_apply
from filter_engine.lazy_dataclass import settled
from filter_engine.scan.plan import Plan
from filter_engine.scan.restricted_plan import applied
from filter_engine.scan.settings_conditions import fits
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

if TYPE_CHECKING:
    from filter_engine.maps.map import Map
    from filter_engine.maps.maps import Maps

log = logging.getLogger(__name__)

QUERY = "HTTP query"
"""The name of settings that come with the request itself."""
_LOWEST = 1
_MAX_KEPT = 64
"""Settings of requests and maps that are kept ready: the same ones come again and again."""


@settled
class Chosen:
    """Settings with what follows from them; made once a configuration, not once a mail."""

    name: str
    id: str
    priority: int
    apply: SettingsApply
    plan: Plan
    findings: tuple[Finding, ...]
    """Symbols that they set."""
    skip: bool
    """Such mail is not scanned at all."""


class Settings:
    """The rules of a configuration, and the settings that requests bring."""

    def __init__(
        self, rules: Mapping[str, SettingsRule], plan: Plan, maps: Maps | None = None
    ) -> None:
        self._plan = plan
        self._maps: dict[str, Map] = {}
        for name, rule in rules.items():
            if maps is not None and rule.external_map is not None:
                where = f"settings.{name}.external_map"
                self._maps[name] = maps.of(rule.external_map.map, MapKind.HASH, where)
        made = [(rule, _of_rule(name, rule, plan)) for name, rule in rules.items()]
        self._by_id = {chosen.id: chosen for _, chosen in made}
        self._by_condition = sorted(
            (pair for pair in made if pair[0].has_condition),
            key=lambda pair: (-pair[1].priority, pair[1].name),
        )
        self._unknown_ids = set[str]()
        self._queries: OrderedDict[str, Chosen | None] = OrderedDict()
        self._faults = 0

    def choose(self, task: Task) -> Chosen | None:
        """What is different for a mail; None when nothing is."""
        asked = self._asked(task)
        least = 0 if asked is None else asked.priority
        for rule, chosen in self._by_condition:
            if chosen.priority <= least:
                break
            if fits(rule, task):
                found = chosen if rule.external_map is None else self._looked_up(rule, chosen, task)
                if found is not None:
                    return found
        return asked

    def _looked_up(self, rule: SettingsRule, chosen: Chosen, task: Task) -> Chosen | None:
        """The settings that the rule's map has for a mail."""
        said, known = rule.external_map, self._maps.get(chosen.name)
        if said is None or said.selector is None or known is None:
            return None
        text = next((text for key in said.selector.values(task) if (text := known.get(key))), None)
        if text is None:
            return None
        kept = f"{chosen.name}\n{text}"  # no header of a request has a line break
        if kept not in self._queries:
            try:
                made: Chosen | None = _of_rule(
                    chosen.name, replace(rule, apply=parse_apply(text)), self._plan
                )
            except ApplyError as error:
                made = None
                self._faults += 1
                if self._faults <= _MAX_KEPT:
                    log.error("settings.%s.external_map: %s", chosen.name, error)
            self._keep(kept, made)
        self._queries.move_to_end(kept)
        return self._queries[kept]

    def _keep(self, text: str, made: Chosen | None) -> None:
        self._queries[text] = made
        if len(self._queries) > _MAX_KEPT:
            self._queries.popitem(last=False)

    def _asked(self, task: Task) -> Chosen | None:
        """The settings that the request brings or names."""
        envelope = task.envelope
        if envelope.request_headers:
            text = envelope.request_header("settings")
            if text is not None and (query := self._query(text)) is not None:
                return query
        if envelope.settings_id:
            named = self._by_id.get(envelope.settings_id)
            if named is not None:
                return named
            self._warn(envelope.settings_id)
        if envelope.request_headers:
            limit = envelope.request_header("maxscore")
            if limit is not None:
                return self._max_score(limit, envelope.request_header("softscore"))
        return None

    def _query(self, text: str) -> Chosen | None:
        known = self._queries.get(text)
        if known is not None or text in self._queries:
            self._queries.move_to_end(text)
            return known
        made: Chosen | None = None
        try:
            made = _chosen(QUERY, "", _LOWEST, parse_apply(text), self._plan)
        except ApplyError as error:
            self._faults += 1
            if self._faults <= _MAX_KEPT:
                log.error("settings of a request cannot be read: %s", error)
        self._keep(text, made)
        return made

    def _max_score(self, reject: str, add_header: str | None) -> Chosen | None:
        """The headers ``MaxScore`` and ``SoftScore``: scores of two actions."""
        limits = {"reject": _number(reject), "add header": _number(add_header or "")}
        actions = {name: limit for name, limit in limits.items() if limit is not None}
        if "reject" not in actions:
            return None
        text = f"actions {actions}"
        made = self._queries.get(text)
        if made is None:
            apply = SettingsApply(actions=MappingProxyType(dict[str, float | None](actions)))
            made = _chosen(QUERY, "", _LOWEST, apply, self._plan)
            self._keep(text, made)
        return made

    def _warn(self, settings_id: str) -> None:
        if settings_id not in self._unknown_ids and len(self._unknown_ids) < 100:
            self._unknown_ids.add(settings_id)
            log.warning("no settings have the id %r (said once)", settings_id[:100])


def _number(text: str) -> float | None:
    try:
        found = float(text[:32])
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _of_rule(name: str, rule: SettingsRule, plan: Plan) -> Chosen:
    return _chosen(
        name, rule.id, rule.priority, rule.apply, plan, rule.symbols, skip=rule.whitelist
    )


def _chosen(
    name: str,
    settings_id: str,
    priority: int,
    apply: SettingsApply,
    plan: Plan,
    symbols: Mapping[str, SetSymbol] = MappingProxyType({}),
    *,
    skip: bool = False,
) -> Chosen:
    found = {**symbols, **apply.symbols}
    return Chosen(
        name=name,
        id=settings_id,
        priority=priority,
        apply=apply,
        plan=applied(apply, plan, frozenset(found)),
        findings=tuple(
            Finding(symbol, said.options, said.weight, f"settings {name}")
            for symbol, said in found.items()
        ),
        skip=skip or apply.whitelist or "skip" in apply.flags,
    )
