"""The routines of ``milter_headers``: each says what a decision adds and removes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, Protocol, TypeAlias

from filter_engine.headers.additions import additions, removals
from filter_engine.headers.authentication_results import (
    authentication_results,
    forged_places,
)
from filter_engine.headers.fold import fold_width, one_line
from filter_engine.headers.routine_options import (
    ActionRoutine,
    AddHeadersRoutine,
    AuthenticationResultsRoutine,
    BarRoutine,
    HeaderRoutine,
    LevelRoutine,
    OsFingerprintRoutine,
    PreResultRoutine,
    QueueIdRoutine,
    RemoveHeaderRoutine,
    RemoveHeadersRoutine,
    ServerRoutine,
    SpamdResultRoutine,
    SpamFlagRoutine,
    SpamHeaderRoutine,
    StatusRoutine,
    VirusRoutine,
)
from filter_engine.headers.spamd_result import spamd_result
from filter_engine.lazy_dataclass import frozen, mutable, settled
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, RemoveHeader

MAX_MARKS: Final = 200
"""Marks in a bar; a score may be of any size."""
_MAX_VIRUSES: Final = 1000
"""Characters of the names of viruses."""


@settled
class Subject:
    """What a routine may look at."""

    task: Task
    decision: Decision
    required: float
    """The reject threshold; ``nan`` when nothing is rejected."""


@mutable
class Edits:
    """Edits as they come together: no header is added twice, whoever asks for it."""

    default_order: int
    _add: dict[str, list[AddHeader]] = field(default_factory=dict)
    _remove: dict[str, dict[int, RemoveHeader]] = field(default_factory=dict)

    def add(self, headers: Iterable[AddHeader]) -> None:
        """Add headers; of those that an earlier call added under the same name none stay."""
        mine: dict[str, list[AddHeader]] = {}
        for header in headers:
            mine.setdefault(header.name.lower(), []).append(header)
        self._add |= mine

    def set(self, options: HeaderRoutine, value: str | None) -> None:
        """Replace what came along under the routine's name by ``value``, None: by nothing."""
        self.remove(options.header, options.remove)
        if value:
            order = self.default_order if options.order is None else options.order
            self.add((AddHeader(options.header, value, order),))

    def remove(self, name: str, indices: Iterable[int] = (0,)) -> None:
        """Remove headers of that name: 0 all, n the n-th, -1 the last."""
        known = self._remove.setdefault(name.lower(), {})
        for index in indices:
            known[index] = RemoveHeader(name, index)

    def removals_only(self) -> Edits:
        """What takes the same removals and drops what is to be added."""
        return Edits(self.default_order, _remove=self._remove)

    def add_nothing(self) -> None:
        """Forget what was to be added so far."""
        self._add.clear()

    def made(self) -> HeaderEdits:
        """All of them; where all of a name go, single ones need not be named."""
        added: list[AddHeader] = []
        removed: list[RemoveHeader] = []
        for headers in self._add.values():
            added += headers
        for known in self._remove.values():
            removed += [known[0]] if 0 in known else known.values()
        return HeaderEdits(tuple(added), tuple(removed))


def _spamd_result(subject: Subject, options: SpamdResultRoutine, edits: Edits) -> None:
    decision = subject.decision
    value = spamd_result(
        decision.symbols,
        decision.score,
        subject.required,
        decision.action is Action.REJECT,
        sort_by=options.sort_by,
        stop_chars=options.stop_chars,
    )
    edits.set(options, value)


def _pre_result(subject: Subject, options: PreResultRoutine, edits: Edits) -> None:
    pre = subject.decision.pre_result
    value = None
    if pre is not None:
        message = f"; {one_line(pre.message[:1000])}" if pre.message else ""
        text = f"action={pre.action.value}; module={one_line(pre.module)}{message}"
        value = fold_width(options.header, text)
    edits.set(options, value)


def _server(subject: Subject, options: ServerRoutine, edits: Edits) -> None:
    edits.set(options, options.hostname or subject.task.server)


def _queue_id(subject: Subject, options: QueueIdRoutine, edits: Edits) -> None:
    edits.set(options, one_line((subject.task.envelope.queue_id or "")[:255]))


def _action(subject: Subject, options: ActionRoutine, edits: Edits) -> None:
    edits.set(options, subject.decision.action.value)


def _bar(subject: Subject, options: BarRoutine, edits: Edits) -> None:
    score = subject.decision.score
    mark = options.positive if score > 0 else options.negative
    count = _points(abs(score))
    edits.set(options, _marks(mark, count) if count else options.neutral)


def _level(subject: Subject, options: LevelRoutine, edits: Edits) -> None:
    edits.set(options, _marks(options.char, _points(subject.decision.score)))


def _points(score: float) -> int:
    return math.floor(score) if 1.0 <= score < MAX_MARKS else MAX_MARKS if score >= 1.0 else 0


def _marks(mark: str, count: int) -> str:
    return (mark * count)[:MAX_MARKS]


def is_spam(decision: Decision) -> bool:
    """Whether headers call the mail spam: any action but none and greylisting."""
    return decision.action not in (Action.NO_ACTION, Action.GREYLIST)


def _status(subject: Subject, options: StatusRoutine, edits: Edits) -> None:
    word = "Yes" if is_spam(subject.decision) else "No"
    edits.set(options, f"{word}, score={subject.decision.score:.2f}")


def _spam_header(subject: Subject, options: SpamHeaderRoutine, edits: Edits) -> None:
    edits.set(options, options.value if is_spam(subject.decision) else None)


def _virus(subject: Subject, options: VirusRoutine, edits: Edits) -> None:
    shown = {symbol.name: symbol.options for symbol in subject.decision.symbols}
    found = [",".join(shown[name]) or "unknown" for name in options.symbols if name in shown]
    failed = [",".join(shown[name]) or "unknown" for name in options.symbols_fail if name in shown]
    value = options.status_clean
    if found:
        before = f"{options.status_infected}, " if options.status_infected else ""
        value = before + one_line(",".join(found)[:_MAX_VIRUSES])
    elif failed:
        reason = one_line(failed[-1][:_MAX_VIRUSES])
        value = f"{options.status_fail}({reason})" if options.status_fail else ""
    edits.set(options, fold_width(options.header, value))


class Fingerprint(Protocol):
    """What the check p0f gives."""

    @property
    def system(self) -> str:
        """The operating system."""

    @property
    def link(self) -> str:
        """The kind of link."""

    @property
    def distance(self) -> int:
        """Hops."""

    @property
    def uptime(self) -> int:
        """Minutes."""


def _os_fingerprint(subject: Subject, options: OsFingerprintRoutine, edits: Edits) -> None:
    found: Fingerprint | None = subject.task.results.get("p0f")
    value = None
    if found is not None:
        system, link = one_line(found.system[:100]), one_line(found.link[:100])
        value = f"{system}, (up: {found.uptime} min), (distance {found.distance}, link: {link})"
    edits.set(options, value)


def _authentication_results(
    subject: Subject, options: AuthenticationResultsRoutine, edits: Edits
) -> None:
    task = subject.task
    if 0 not in options.remove:
        edits.remove(options.header, forged_places(task, options.header, options.remove_ids))
    value = authentication_results(
        task, add_smtp_user=options.add_smtp_user, stop_chars=options.stop_chars
    )
    edits.set(options, value)


def _remove_header(_subject: Subject, options: RemoveHeaderRoutine, edits: Edits) -> None:
    if options.header:
        edits.remove(options.header, options.remove)


def _remove_headers(_subject: Subject, options: RemoveHeadersRoutine, edits: Edits) -> None:
    for removal in removals(options.headers):
        edits.remove(removal.name, (removal.index,))


def _add_headers(_subject: Subject, options: AddHeadersRoutine, edits: Edits) -> None:
    for name in options.headers:
        edits.remove(name, options.remove)
    edits.add(additions(options.headers, edits.default_order))


def _remove_spam_flag(_subject: Subject, options: SpamFlagRoutine, edits: Edits) -> None:
    edits.remove(options.header)


Run: TypeAlias = Callable[[Subject, Any, Edits], None]


@frozen
class Routine:
    """How a routine runs."""

    run: Run
    always: bool = False
    """No mail is left alone."""


RUN: Mapping[str, Routine] = {
    "x-spamd-result": Routine(_spamd_result),
    "x-rspamd-pre-result": Routine(_pre_result),
    "x-rspamd-server": Routine(_server),
    "x-rspamd-queue-id": Routine(_queue_id),
    "x-rspamd-action": Routine(_action),
    "x-spamd-bar": Routine(_bar),
    "x-spam-level": Routine(_level),
    "x-spam-status": Routine(_status),
    "x-virus": Routine(_virus),
    "x-os-fingerprint": Routine(_os_fingerprint),
    "spam-header": Routine(_spam_header),
    "authentication-results": Routine(_authentication_results),
    "remove-header": Routine(_remove_header),
    "remove-headers": Routine(_remove_headers),
    "add-headers": Routine(_add_headers),
    "remove-spam-flag": Routine(_remove_spam_flag, always=True),
}
"""Name in ``use`` -> what runs."""
