"""Fills the template of the line about a message: what each variable of ``log_format`` is.

Source: lines of Rspamd 3.4. ``time_virtual`` is the real time, as in Rspamd since 2.0; ``digest``
is of the whole message as it came. What only the scanner knows is not to be had of a verdict that
another host gave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from filter_engine.config.log_format import Part, parse_log_format
from filter_engine.scan.envelope import Envelope
from filter_engine.scan.question import DnsQuestion
from filter_engine.scan.verdict import Action, SymbolResult, Verdict
from filter_engine.workers.logs.tag import log_tag

UNDEF: Final = "undef"
"""What stands for a value that is not there."""
MAX_VALUE: Final = 4000
"""Characters of one value."""
_HAM = frozenset({Action.NO_ACTION, Action.SOFT_REJECT})


class Scanned(NamedTuple):
    """A message and what became of it."""

    verdict: Verdict
    envelope: Envelope
    size: int
    """Octets."""
    scanner: str
    """Who scanned: ``self``, or a scanner's name."""


Value = Callable[["Scanned", int], str]
"""A value; empty when there is none. The number is the most entries of a list."""


def shortened(entries: Sequence[str], most: int) -> list[str]:
    """The first entries; ``...`` stands for the rest. All where ``most`` is 0."""
    return [*entries[:most], "..."] if most and len(entries) > most else list(entries)


def cut(text: str, most: int) -> str:
    """At most so many characters; ``...`` stands for the rest."""
    return text if len(text) <= most else f"{text[:most]}..."


def _listed(entries: Iterable[str], most: int) -> str:
    return ",".join(shortened(tuple(entries), most))


def is_spam(verdict: Verdict) -> str:
    """``S``: skipped, ``T``: an action against spam, ``F``: none."""
    return "S" if verdict.skipped else "F" if verdict.action in _HAM else "T"


def scores(verdict: Verdict) -> str:
    """Score and limit."""
    limit = verdict.required_score
    return f"{verdict.score:.2f}/{'NaN' if math.isnan(limit) else f'{limit:.2f}'}"


def by_weight(symbols: Iterable[SymbolResult]) -> list[SymbolResult]:
    """What weighs most first."""
    heavy: list[SymbolResult] = []
    light: list[SymbolResult] = []
    for symbol in symbols:
        (heavy if symbol.score else light).append(symbol)
    heavy.sort(key=_weight)
    return heavy + light  # half of them weigh nothing


def _weight(symbol: SymbolResult) -> float:
    return -abs(symbol.score)


def _symbols(scored: bool, options: bool) -> Value:
    def value(scanned: Scanned, most: int) -> str:
        written = []
        for name, score, _, _, _, shown, _ in by_weight(scanned.verdict.symbols):
            text = name
            if scored:
                text = f"{name}({score:.2f})" if score else f"{name}(0.00)"
            if options:
                if len(shown) > 1:
                    text = f"{text}{{{';'.join(shortened(shown, most))};}}"
                else:
                    text = f"{text}{{{shown[0]};}}" if shown else text + "{}"
            written.append(text)
        return ",".join(written)

    return value


def _groups(scanned: Scanned, _most: int) -> str:
    sums: dict[str, float] = {}
    for symbol in scanned.verdict.symbols:
        if symbol.group:
            sums[symbol.group] = sums.get(symbol.group, 0.0) + symbol.score
    return ",".join(f"{name}({sums[name]:.2f})" for name in sorted(sums))


def _mime_from(scanned: Scanned, _most: int) -> str:
    task = scanned.verdict.task
    return task.message.from_addresses[0].email if task and task.message.from_addresses else ""


def _mime_rcpts(scanned: Scanned) -> Iterator[str]:
    task = scanned.verdict.task
    return iter(()) if task is None else (one.email for one in task.message.recipients)


def _digest(scanned: Scanned, _most: int) -> str:
    task = scanned.verdict.task
    return "" if task is None else blake2b(task.message.raw, digest_size=16).hexdigest()


def _dns_requests(scanned: Scanned, _most: int) -> str:
    task = scanned.verdict.task
    answered = () if task is None else task.answered
    return str(sum([list(map(type, known)).count(DnsQuestion) for known in answered]))


def _settings_id(scanned: Scanned, _most: int) -> str:
    task = scanned.verdict.task
    return "" if task is None else task.settings_id


def _forced(scanned: Scanned, _most: int) -> str:
    task = scanned.verdict.task
    if task is None or task.decide is None or (pre := task.decide().pre_result) is None:
        return ""
    score = "nan" if pre.score is None else f"{pre.score:.2f}"
    return f'{pre.action.value} "{pre.message}"; score={score} (set by {pre.module})'


def _milliseconds(scanned: Scanned, _most: int) -> str:
    return f"{scanned.verdict.time_real * 1000:.3f}ms"


VALUES: Mapping[str, Value] = {
    "mid": lambda s, _: s.verdict.message_id or "",
    "qid": lambda s, _: s.envelope.queue_id or "",
    "user": lambda s, _: s.envelope.user or "",
    "ip": lambda s, _: s.envelope.ip or "",
    "len": lambda s, _: str(s.size),
    "dns_req": _dns_requests,
    "is_spam": lambda s, _: is_spam(s.verdict),
    "action": lambda s, _: s.verdict.action.value,
    "scores": lambda s, _: scores(s.verdict),
    "symbols": _symbols(scored=False, options=False),
    "symbols_scores": _symbols(scored=True, options=False),
    "symbols_params": _symbols(scored=False, options=True),
    "symbols_scores_params": _symbols(scored=True, options=True),
    "groups": _groups,
    "public_groups": _groups,
    "smtp_from": lambda s, _: s.envelope.mail_from or "",
    "mime_from": _mime_from,
    "smtp_rcpt": lambda s, _: next(iter(s.envelope.rcpt_to), ""),
    "smtp_rcpts": lambda s, most: _listed(s.envelope.rcpt_to, most),
    "mime_rcpt": lambda s, _: next(_mime_rcpts(s), ""),
    "mime_rcpts": lambda s, most: _listed(_mime_rcpts(s), most),
    "time_real": _milliseconds,
    "time_virtual": _milliseconds,
    "digest": _digest,
    "filename": lambda s, _: s.envelope.request_header("filename") or "",
    "forced_action": _forced,
    "settings_id": _settings_id,
    "task_id": lambda _s, _: log_tag(),
    "helo": lambda s, _: s.envelope.helo or "",
    "hostname": lambda s, _: s.envelope.hostname or "",
    "scanner": lambda s, _: s.scanner,
    "unfinished": lambda s, most: _listed(s.verdict.unfinished, most),
    "lost_stores": lambda s, most: _listed(s.verdict.lost_stores, most),
}
"""Variable -> its value."""

_GIVEN_EMPTY: Mapping[str, Callable[[Envelope], bool]] = {
    "smtp_from": lambda envelope: envelope.mail_from is not None,
}
"""Variables whose empty value is one: the null sender."""
_NOTHING = frozenset(
    name
    for name in VALUES
    if name.startswith(("symbols", "smtp_", "mime_")) or name.endswith("groups")
)
"""Variables that are nothing, not ``undef``, when they have no value."""


class Template:
    """A template that was read once and is filled for every message."""

    def __init__(self, text: str, most: int) -> None:
        """``most``: entries of a list, 0 for all."""
        self._most = most
        self._parts: list[tuple[Part, Value | None]] = [
            (part, VALUES[part.variable] if part.variable else None)
            for part in parse_log_format(text)[0]
        ]

    def fill(self, scanned: Scanned) -> str:
        """The line. Not bounded, and as printable as what is in it."""
        written: list[str] = []
        most = self._most
        for (text, variable, optional, body), value_of in self._parts:
            if value_of is None:
                written.append(text)
                continue
            value = value_of(scanned, most)
            if not value:
                given = _GIVEN_EMPTY.get(variable)
                if optional and not (given is not None and given(scanned.envelope)):
                    continue
                if not optional and variable not in _NOTHING:
                    value = UNDEF
            elif len(value) > MAX_VALUE:
                value = cut(value, MAX_VALUE)
            written.append(value if body is None else body.replace("$", value))
        return "".join(written)
