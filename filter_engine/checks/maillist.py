"""Mailing lists, by the headers their software writes (RFC 2369, RFC 2919)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from filter_engine.config.options_class import options_class
from filter_engine.config.rspamd import unserved
from filter_engine.config.schema import Option, Section
from filter_engine.message.message import Message
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_WEIGHTS: Final = (
    ("list-id", 0.75),
    ("list-archive", 0.125),
    ("list-owner", 0.125),
    ("list-help", 0.125),
    ("list-post", 0.125),
    ("list-subscribe", 0.125),
    ("list-unsubscribe", 0.125),
    ("x-loop", 0.125),
)
_ASKED: Final = ("subscribe", "unsubscribe")
_EZMLM: Final = (
    ("mailing-list", re.compile(r"ezmlm$")),
    ("precedence", re.compile(r"^bulk$")),
    ("list-post", re.compile(r"^<mailto:")),
    ("list-help", re.compile(r"^<mailto:")),
    # ezmlm's robots: the list's name, and what is asked of it after a dash.
    *((f"list-{asked}", re.compile(rf"<mailto:[.A-Za-z-]+-{asked}@")) for asked in _ASKED),
)
_SUBSCRIBE_RU: Final = (
    ("list-id", re.compile(r"^<.*\.subscribe\.ru>$")),
    ("list-archive", re.compile(r"^<https?://subscribe\.ru/archive/.+>$")),
    ("list-owner", re.compile(r"^<mailto:.+@subscribe\.ru>$")),
    ("list-help", re.compile(r"^<https?://subscribe\.ru/catalog/.+>$")),
    ("list-subscribe", re.compile(r"^<mailto:.+-sub@subscribe\.ru>$")),
    ("list-unsubscribe", re.compile(r"^<mailto:.+-unsub@subscribe\.ru>$")),
)


@options_class
class MaillistOptions(Section):
    """The section ``maillist``: Rspamd has options here, this engine none."""

    anchor: ClassVar[str] = "modules/maillist"
    known: ClassVar[Mapping[str, Option]] = unserved("maillist")


@check(
    "maillist",
    options=MaillistOptions,
    symbols=(Symbol("MAILLIST", -0.2, "The mail comes from a mailing list", ("headers",)),),
)
def maillist(task: Task) -> list[Finding]:
    """Which list software, as far as its headers tell; ``generic`` weighs by their number."""
    message = task.message
    likelihood = _likelihood(message)
    if likelihood < 1:
        return []
    for name, matches in (
        ("ezmlm", _matches(message, _EZMLM)),
        ("mailman", _mailman(message)),
        ("subscribe.ru", _matches(message, _SUBSCRIBE_RU)),
        ("googlegroups", _google(message)),
        ("cgp", (message.text("x-listserver") or "").startswith("CommuniGate Pro LIST")),
    ):
        if matches:
            return [Finding("MAILLIST", (name,))]
    return [Finding("MAILLIST", ("generic",), 0.5 * min(likelihood, 2.0))]


def _likelihood(message: Message) -> float:
    present = message.header_names
    likelihood = 0.0
    for name, weight in _WEIGHTS:
        if name in present:
            likelihood += weight
    if "precedence" in present and message.text("precedence") in ("list", "bulk"):
        likelihood += 0.25
    if "list-subscribe" in present:
        return likelihood + (0.25 if "list-unsubscribe" in present else -0.75)
    return likelihood


def _matches(message: Message, wanted: tuple[tuple[str, re.Pattern[str]], ...]) -> bool:
    return all(
        (text := message.text(name)) is not None and pattern.search(text)
        for name, pattern in wanted
    )


def _mailman(message: Message) -> bool:
    version = (message.text("x-mailman-version") or "")[:2]
    if version not in ("2.", "3.") or message.text("precedence") not in ("bulk", "list"):
        return False
    if message.get("list-id") is None:
        return False
    if version == "2.":
        if message.get("x-beenthere") is None:
            return False
        if message.text("x-list-administrivia") == "yes":
            return True
    elif message.get("list-administrivia") is not None:
        return True
    return all(
        "<mailto:" in (message.text(name) or "")
        for name in ("list-help", "list-subscribe", "list-unsubscribe")
    )


def _google(message: Message) -> bool:
    return message.get("x-google-loop") is not None or message.get("x-google-group-id") is not None
