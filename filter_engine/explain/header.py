"""A bare X-Spamd-Result explained: what was found then, and what the same would weigh now."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from filter_engine.config.effective import SymbolDefault
from filter_engine.config.model import Config
from filter_engine.explain.origins import Origins, Source
from filter_engine.headers.spamd_result import SpamdResult, parse_spamd_result
from filter_engine.lazy_dataclass import frozen
from filter_engine.message import Message
from filter_engine.scan.metric import action_for
from filter_engine.scan.plan import Plan
from filter_engine.scan.verdict import Action

NAME: Final = "X-Spamd-Result"
_NAME_IN_FRONT: Final = re.compile(rf"\s*{NAME}\s*:?\s*", re.IGNORECASE)


@frozen
class HeaderSymbol:
    """A symbol of the header."""

    name: str
    then: float
    """What it added, as the header says."""
    now: float | None
    """Its score in this configuration; None when nothing here declares it."""
    enabled: bool
    source: Source
    description: str
    options: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "name": self.name,
            "then": self.then,
            "now": self.now,
            "enabled": self.enabled,
            "known": self.now is not None,
            "source": self.source.as_dict(),
            "description": self.description,
            "options": list(self.options),
        }


@frozen
class HeaderExplanation:
    """What one header says, beside what this configuration would make of the same symbols."""

    rejected: bool
    score: float
    required: float
    sum: float
    """Of the symbols in the header; another than ``score`` when something was cut off."""
    action: Action
    """What this configuration's thresholds make of the header's score."""
    score_now: float
    """The sum of this configuration's scores, each symbol counted once with the weight 1."""
    action_now: Action
    symbols: tuple[HeaderSymbol, ...]
    thresholds: tuple[tuple[Action, float, Source], ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Symbols that nothing here declares."""
        return tuple(symbol.name for symbol in self.symbols if symbol.now is None)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "rejected": self.rejected,
            "score": None if math.isnan(self.score) else self.score,
            "required": None if math.isnan(self.required) else self.required,
            "sum": self.sum,
            "action": self.action.value,
            "score_now": self.score_now,
            "action_now": self.action_now.value,
            "unknown": list(self.unknown),
            "symbols": [symbol.as_dict() for symbol in self.symbols],
            "thresholds": [
                {"action": action.value, "limit": limit, "source": source.as_dict()}
                for action, limit, source in self.thresholds
            ],
        }


def header_values(raw: bytes) -> tuple[str, ...]:
    """Every X-Spamd-Result of a message, the topmost first."""
    return tuple(field.value for field in Message(raw).get_all(NAME))


def explain_header(
    value: str, plan: Plan, config: Config, defaults: Mapping[str, SymbolDefault]
) -> HeaderExplanation:
    """Explain a header's value, with or without its name in front, folded or not.

    Raises ``filter_engine.headers.spamd_result.NoSpamdResultError``.
    """
    found = parse_spamd_result(_NAME_IN_FRONT.sub("", value, count=1))
    return explain_shown(found, plan, config, defaults)


def explain_shown(
    found: SpamdResult, plan: Plan, config: Config, defaults: Mapping[str, SymbolDefault]
) -> HeaderExplanation:
    """Explain an old verdict of which only symbols, options and scores are known."""
    origins = Origins(config, defaults)
    symbols = []
    for shown in found.symbols:
        score = plan.scores.get(shown.name)
        symbols.append(
            HeaderSymbol(
                shown.name,
                shown.score,
                None if score is None else score.value,
                score is None or score.enabled,
                origins.of_symbol(shown.name),
                "" if score is None else score.description,
                shown.options,
            )
        )
    # a symbol that stands there twice is one symbol
    now = {each.name: each.now or 0.0 for each in symbols if each.enabled}
    limits = sorted(plan.thresholds.items(), key=lambda pair: -pair[1])
    return HeaderExplanation(
        rejected=found.rejected,
        score=found.score,
        required=found.required,
        sum=sum(symbol.then for symbol in symbols),
        action=action_for(found.score, plan.thresholds),
        score_now=sum(now.values()),
        action_now=action_for(sum(now.values()), plan.thresholds),
        symbols=tuple(symbols),
        thresholds=tuple((action, limit, origins.of_threshold(action)) for action, limit in limits),
    )
