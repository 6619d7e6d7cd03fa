"""What becomes of a mail by the class it falls in: a virus, a banned file, spam, a bad header.

Source: amavisd-new's ``final_virus_destiny``, ``final_banned_destiny``, ``final_spam_destiny`` and
``final_bad_header_destiny``. The classes are looked at in that order, and the first whose destiny
is another than to pass decides. A mail is in a class by the symbols it has, in that of spam when
its score reaches ``reject``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from filter_engine.checks.services.module import finds
from filter_engine.checks.services.options import AntivirusOptions
from filter_engine.config.kinds import STRING, list_of, text_of
from filter_engine.config.options_class import options_class
from filter_engine.config.schema import Binder, Kind, MisfitError, Section, option
from filter_engine.scan.declare import Stage, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Action, Outcome, PreResult
from filter_engine.ucl.nodes import UclNode

if TYPE_CHECKING:
    from filter_engine.scan.setup import Setup

BACKSCATTER: Final = (
    "a bounce is refused: the sender of spam is forged, so the bounce goes to a stranger"
)
"""Why there is no destiny of that name."""
_DESTINIES: Final = ("", "pass", "reject", "discard")
_BANNED: Final = (
    "MIME_ARCHIVE_IN_ARCHIVE", "MIME_BAD", "MIME_BAD_ATTACHMENT", "MIME_BAD_EXTENSION",
    "MIME_BAD_UNICODE", "MIME_DOUBLE_BAD_EXTENSION", "MIME_EXE_IN_GEN_SPLIT_RAR",
    "MIME_OBFUSCATED_ARCHIVE",
)  # fmt: skip
_BAD_HEADER: Final = (
    "BROKEN_HEADERS", "FROM_NEEDS_ENCODING", "INVALID_DATE", "INVALID_FROM_8BIT",
    "INVALID_RCPT_8BIT", "MISSING_DATE", "MISSING_FROM", "MULTIPLE_UNIQUE_HEADERS",
    "RCVD_ILLEGAL_CHARS", "SUBJECT_NEEDS_ENCODING", "TO_NEEDS_ENCODING",
)  # fmt: skip
"""What amavis calls a bad header: eight-bit characters, fields missing, twice or malformed."""


def _destiny(nodes: list[UclNode], _binder: Binder) -> str:
    text = text_of(nodes[0])
    word = text.lower().removeprefix("d_")
    if word == "bounce":
        raise MisfitError(BACKSCATTER, 'write "reject": the client that sends it tells its user')
    if word not in _DESTINIES:
        raise MisfitError(f"{text!r} is no destiny", f"known: {', '.join(_DESTINIES[1:])}")
    return word


_DESTINY: Final[Kind[str]] = Kind("pass|reject|discard", _destiny)


@options_class
class DestinyOptions(Section):
    """What becomes of mail of each class. Rspamd has no such module."""

    virus: str = option(_DESTINY, "", doc="of mail in which a rule of antivirus found something")
    banned: str = option(_DESTINY, "", doc="of mail with files of a kind that nobody should send")
    spam: str = option(
        _DESTINY, "", doc="of mail whose score reaches reject; pass: the header marks it"
    )
    bad_header: str = option(_DESTINY, "", doc="of mail whose header breaks the rules")
    banned_symbols: tuple[str, ...] = option(
        list_of(STRING), _BANNED, doc="symbols of the class banned"
    )
    bad_header_symbols: tuple[str, ...] = option(
        list_of(STRING), _BAD_HEADER, doc="symbols of the class bad_header"
    )


class _Class(NamedTuple):
    name: str
    destiny: str
    symbols: frozenset[str]
    text: str
    """The SMTP reply."""


def _prepare(options: DestinyOptions, setup: Setup) -> tuple[_Class, ...]:
    """The classes with a destiny, in the order in which they decide."""
    antivirus = setup.config.modules.get("antivirus")
    viruses = finds(antivirus) if isinstance(antivirus, AntivirusOptions) else ()
    classes = (
        _Class("virus", options.virus, frozenset(viruses), "A virus was found"),
        _Class("banned", options.banned, frozenset(options.banned_symbols), "A file is banned"),
        _Class("spam", options.spam, frozenset(), ""),
        _Class("bad_header", options.bad_header, frozenset(options.bad_header_symbols),
               "The header is malformed"),
    )  # fmt: skip
    return tuple(each for each in classes if each.destiny)


def _has_work(options: DestinyOptions) -> bool:
    return any((options.virus, options.banned, options.spam, options.bad_header))


_ACTIONS: Final[Mapping[str, Action]] = {"reject": Action.REJECT, "discard": Action.DISCARD}


@check(
    "destiny",
    stage=Stage.POSTFILTER,
    priority=5,  # behind force_actions: what a site writes there is the more particular
    symbols=(),
    options=DestinyOptions,
    prepare=_prepare,
    after_pre_result=True,
    has_work=_has_work,
)
def destiny(task: Task) -> Outcome | None:
    """The first class of the mail that is not to pass decides."""
    classes: tuple[_Class, ...] = task.state("destiny") or ()
    if not classes:
        return None
    decision = task.decision
    is_spam = decision.action is Action.REJECT and decision.pre_result is None
    marked: PreResult | None = None
    for each in classes:
        found = [symbol.name for symbol in decision.symbols if symbol.name in each.symbols]
        if not found and not (is_spam and each.name == "spam"):
            continue
        why = f"destiny {each.name}"
        if each.destiny != "pass":
            forced = PreResult(_ACTIONS[each.destiny], each.text, why, priority=1, stops=False)
            return Outcome(pre_result=forced)
        if each.name == "spam":
            marked = PreResult(Action.ADD_HEADER, "", why, priority=1, stops=False)
    return None if marked is None else Outcome(pre_result=marked)
