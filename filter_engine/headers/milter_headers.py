"""The headers a site asked for (Rspamd's module milter_headers).

Each routine looks at the decision and says which header it adds; the header of the same name that
came with the message is removed first, so that a sender cannot forge it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from filter_engine.config.kinds import BOOLEAN, INTEGER, STRING, list_of
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section, option
from filter_engine.headers.authentication_results import authentication_results
from filter_engine.scan.metric import Decision
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, AddHeader, HeaderEdits, RemoveHeader, SymbolResult

SECTION = "milter_headers"

EXTENDED = ("x-spamd-result", "x-rspamd-server", "x-rspamd-queue-id", "x-rspamd-action")
"""The routines that ``extended_spam_headers`` stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilterHeadersOptions(Section):
    """The section ``milter_headers``."""

    use: tuple[str, ...] = option(list_of(STRING), (), doc="routines to run, in this order")
    extended_spam_headers: bool = option(BOOLEAN, False, doc=f"also run {', '.join(EXTENDED)}")
    skip_local: bool = option(BOOLEAN, True, doc="add nothing to mail from local networks")
    skip_authenticated: bool = option(BOOLEAN, True, doc="add nothing to mail of logged-in users")
    skip_all: bool = option(BOOLEAN, False, doc="add nothing at all")
    local_headers: tuple[str, ...] = option(
        list_of(STRING), (), doc="routines that run for local mail all the same"
    )
    authenticated_headers: tuple[str, ...] = option(
        list_of(STRING), (), doc="routines that run for mail of logged-in users all the same"
    )
    extended_headers_rcpt: tuple[str, ...] = option(
        list_of(STRING),
        (),
        doc="only when every recipient is one of these: user, @domain or user@domain",
    )
    remove_upstream_spam_flag: bool = option(BOOLEAN, True, doc="remove an X-Spam that came along")
    default_headers_order: int = option(INTEGER, -1, doc="where headers go: 1 the top, -1 the end")
    anchor: ClassVar[str] = "modules/milter_headers"
    known: ClassVar[Mapping[str, Option]] = unserved("milter_headers")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a routine may look at."""

    task: Task
    decision: Decision
    required: float
    """The reject threshold."""


@dataclass(frozen=True, slots=True)
class Routine:
    """One header: its name, where it goes (None: the site's default) and how it is made."""

    header: str
    render: Callable[[Subject], str | None]
    order: int | None = None


def spamd_result(
    symbols: Iterable[SymbolResult], score: float, required: float, rejected: bool
) -> str:
    """The value of X-Spamd-Result: every symbol, the weightiest first, folded after each ``;``."""
    items = [f"default: {rejected} [{score:.2f} / {required:.2f}]"]
    for symbol in sorted(symbols, key=lambda s: -abs(s.score)):
        options = ",".join(_one_line(option) for option in symbol.options)
        items.append(f"{symbol.name}({symbol.score:.2f})[{options}]")
    return ";\n\t".join(items)


def _one_line(text: str) -> str:
    # Options quote the message: no control character may end the header line.
    return "".join(c if c.isprintable() else "?" for c in text)


def _result(subject: Subject) -> str:
    decision = subject.decision
    rejected = decision.action is Action.REJECT
    return spamd_result(decision.symbols, decision.score, subject.required, rejected)


def _status(subject: Subject) -> str:
    spam = subject.decision.action not in (Action.NO_ACTION, Action.GREYLIST)
    return f"{'Yes' if spam else 'No'}, score={subject.decision.score:.2f}"


def _bar(subject: Subject) -> str:
    score = subject.decision.score
    count = min(math.floor(abs(score)), 200)
    if not count:
        return "/"
    return ("+" if score > 0 else "-") * count


def _level(subject: Subject) -> str | None:
    score = subject.decision.score
    return "*" * min(math.floor(score), 200) if score >= 1 else None


ROUTINES: Mapping[str, Routine] = {
    "x-spamd-result": Routine("X-Spamd-Result", _result),
    "x-rspamd-server": Routine("X-Rspamd-Server", lambda s: s.task.server),
    "x-rspamd-queue-id": Routine("X-Rspamd-Queue-Id", lambda s: s.task.envelope.queue_id),
    "x-rspamd-action": Routine("X-Rspamd-Action", lambda s: s.decision.action.value),
    "x-spamd-bar": Routine("X-Spamd-Bar", _bar),
    "x-spam-level": Routine("X-Spam-Level", _level),
    "x-spam-status": Routine("X-Spam-Status", _status),
    "authentication-results": Routine(
        "Authentication-Results", lambda s: authentication_results(s.task), order=1
    ),
}


def _wanted(options: MilterHeadersOptions) -> list[str]:
    wanted = list(options.use)
    if options.extended_spam_headers:
        wanted += EXTENDED
    return list(dict.fromkeys(name.lower() for name in wanted))


def _all_recipients_listed(task: Task, listed: Iterable[str]) -> bool:
    known = {entry.lower() for entry in listed}
    for rcpt in task.envelope.rcpt_to:
        address = rcpt.lower()
        user, _, domain = address.rpartition("@")
        if not known & {address, f"@{domain}", user}:
            return False
    return True


def _skipped(name: str, task: Task, options: MilterHeadersOptions) -> bool:
    if options.skip_all:
        return True
    if options.skip_local and task.local and name not in options.local_headers:
        return True
    return bool(
        options.skip_authenticated
        and task.authenticated
        and name not in options.authenticated_headers
    )


def header_edits(
    task: Task, decision: Decision, required: float, options: MilterHeadersOptions
) -> HeaderEdits:
    """The headers to add and remove for this decision.

    Unknown routine names are ignored here: lint reports them.
    """
    add: list[AddHeader] = []
    remove: list[RemoveHeader] = []
    if options.remove_upstream_spam_flag:
        remove.append(RemoveHeader("X-Spam"))
    listed = options.extended_headers_rcpt
    if listed and not _all_recipients_listed(task, listed):
        return HeaderEdits(remove=tuple(remove))
    subject = Subject(task, decision, required)
    for name in _wanted(options):
        routine = ROUTINES.get(name)
        if routine is None or _skipped(name, task, options):
            continue
        remove.append(RemoveHeader(routine.header))
        value = routine.render(subject)
        if value is not None:
            order = options.default_headers_order if routine.order is None else routine.order
            add.append(AddHeader(routine.header, value, order))
    return HeaderEdits(tuple(add), tuple(remove))
