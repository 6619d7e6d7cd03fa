"""What comes out of a scan: findings go in, an immutable verdict comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from filter_engine.lazy_dataclass import settled

if TYPE_CHECKING:
    from filter_engine.scan.exchange import Exchange
    from filter_engine.scan.store import StoreQuestion
    from filter_engine.scan.task import Task


class Action(Enum):
    """Rspamd's actions; the value is the name on the wire and in headers."""

    REJECT = "reject"
    SOFT_REJECT = "soft reject"
    REWRITE_SUBJECT = "rewrite subject"
    ADD_HEADER = "add header"
    GREYLIST = "greylist"
    NO_ACTION = "no action"
    DISCARD = "discard"
    QUARANTINE = "quarantine"

    @classmethod
    def parse(cls, text: str) -> Action:
        """The action of that name; ``_`` and case do not matter. Raises ValueError."""
        return cls(text.strip().lower().replace("_", " "))


class Finding(NamedTuple):
    """One thing a check saw. A tuple, as some forty are made a message.

    ``weight`` multiplies the symbol's configured score (Rspamd's dynamic multiplier, usually 1).
    ``options`` are the strings shown in brackets after the symbol. ``evidence`` says, for
    ``explain``, what was looked at (a header, a DNS question and answer, a URL).
    """

    symbol: str
    options: tuple[str, ...] = ()
    weight: float = 1.0
    evidence: str = ""
    forced: bool = False
    """A symbol that nobody declared scores ``weight`` itself instead of nothing."""


@settled
class PreResult:
    """A check's own verdict, which needs no score (Rspamd's pre-result or passthrough)."""

    action: Action
    message: str
    """The text for the SMTP reply, without code."""
    module: str
    priority: int = 0
    """The highest wins."""
    score: float | None = None
    """The total the verdict gets; None leaves the sum of the symbols."""
    least: bool = False
    """Only raises the action: what the score demands wins if it is more severe."""
    stops: bool = True
    """Stages that have not begun are left out, but for what runs after the verdict."""
    subject: str = ""
    """Template of a rewritten subject; empty leaves the one of the settings or the metric."""


@settled
class Outcome:
    """What a check returns when findings alone do not say it all."""

    findings: tuple[Finding, ...] = ()
    value: Any = None
    """What ``ask.result(name)`` gives to other checks and headers read from ``Task.results``."""
    pre_result: PreResult | None = None
    signatures: tuple[str, ...] = ()
    """DKIM-Signature header values (folded with ``\\n\\t``) to be put on the message."""
    headers: tuple[AddHeader | RemoveHeader, ...] = ()
    """Header fields to put on the message or to take off it, whatever milter_headers does."""
    without: tuple[Action, ...] = ()
    """Actions that the score of this message cannot demand any more."""
    notices: tuple[Exchange | StoreQuestion, ...] = ()
    """Sent once the verdict is given, to others that want to know and to stores that shall
    remember; nobody waits for them."""


class SymbolResult(NamedTuple):
    """A symbol in the verdict. A tuple, as some fifty are made a message."""

    name: str
    score: float
    """What it added to the total."""
    metric_score: float
    """Its configured score."""
    description: str = ""
    group: str = ""
    options: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@settled
class AddHeader:
    """A header to add; ``order`` as in milter_headers (1: at the top, -1: at the end)."""

    name: str
    value: str
    """Folds are ``\\n\\t``."""
    order: int = -1


@settled
class RemoveHeader:
    """A header to remove; ``index`` 0 means every occurrence, n > 0 the n-th."""

    name: str
    index: int = 0


@settled
class HeaderEdits:
    """All changes of the message's header, for milter and HTTP alike."""

    add: tuple[AddHeader, ...] = ()
    remove: tuple[RemoveHeader, ...] = ()

    def joined(self, further: Iterable[AddHeader | RemoveHeader]) -> HeaderEdits:
        """These, then further ones."""
        added, removed = list(self.add), list(self.remove)
        for edit in further:
            if isinstance(edit, AddHeader):
                added.append(edit)
            elif edit not in removed:
                removed.append(edit)
        return HeaderEdits(tuple(added), tuple(removed))


@settled
class Verdict:
    """The result of one scan; all that headers, replies, history and metrics ever see."""

    action: Action
    score: float
    required_score: float
    """The reject threshold (``nan`` when reject is disabled)."""
    symbols: tuple[SymbolResult, ...] = ()
    messages: dict[str, str] = field(default_factory=dict)
    """``smtp_message`` and others by key."""
    subject: str | None = None
    """The new subject when the action is rewrite subject."""
    urls: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    message_id: str | None = None
    time_real: float = 0.0
    """Seconds."""
    skipped: bool = False
    """Not scanned (over the size limit, or asked to skip)."""
    edits: HeaderEdits = HeaderEdits()
    signatures: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Checks that the deadline or an exception cut off."""
    lost_stores: tuple[str, ...] = ()
    """Stores that did not answer."""
    timed_out: bool = False
    """The task's deadline passed before every question was answered."""
    task: Task | None = field(default=None, compare=False, repr=False)
    """What was scanned, for who tells of it; None where another host scanned."""

    def symbol(self, name: str) -> SymbolResult | None:
        """The symbol of that name, None when it did not fire."""
        for symbol in self.symbols:
            if symbol.name == name:
                return symbol
        return None
