"""The hash in Redis that holds a map: ``redis://KEY`` or ``redis+selector://SELECTOR``.

Source: Rspamd 3.4's ``multimap`` and what ``expand_keys`` puts into keys there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from filter_engine.checks.addresses import envelope_sender, header_senders
from filter_engine.dns.names import organisational_domain
from filter_engine.lazy_dataclass import frozen
from filter_engine.message.address import Address
from filter_engine.scan.task import Task
from filter_engine.selectors import Selector, compile_selector

SELECTOR_SCHEME: Final = "redis+selector://"
_MAX_KEYS: Final = 16
"""Hashes that one rule asks about one mail."""
_VARIABLE: Final = re.compile(r"\$(?:\{(?P<braced>[A-Za-z0-9_]+)\}|(?P<bare>[A-Za-z0-9_]+))")
_TO: Final = compile_selector("to")
_Word: TypeAlias = "Callable[[Task], str]"


def _to(task: Task) -> str:
    return next(iter(_TO.values(task)), "")


def _domain(text: str) -> str:
    return text.rpartition("@")[2] if "@" in text else ""


def _smtp(task: Task) -> Address | None:
    return envelope_sender(task)


def _mime(task: Task) -> Address | None:
    return next(iter(header_senders(task)), None)


def _email(of: Callable[[Task], Address | None]) -> _Word:
    return lambda task: (found.email or "") if (found := of(task)) else ""


def _domain_of(of: Callable[[Task], Address | None]) -> _Word:
    return lambda task: (found.domain or "") if (found := of(task)) else ""


def _organisation(of: _Word) -> _Word:
    return lambda task: organisational_domain(found) if (found := of(task)) else ""


def _words() -> dict[str, _Word]:
    words: dict[str, _Word] = {
        "ip": lambda task: "" if task.ip is None else str(task.ip),
        "principal_recipient": _to,
        "principal_recipient_domain": lambda task: _domain(_to(task)),
        "mime_from": _email(_mime),
        "mime_from_domain": _domain_of(_mime),
    }
    sender = _domain_of(_smtp)
    for prefix in ("", "smtp_"):
        words[f"{prefix}from"] = _email(_smtp)
        words[f"{prefix}from_domain"] = sender
        words[f"{prefix}from_domain_or_helo_domain"] = lambda task: (
            sender(task) or task.envelope.helo or ""
        )
    domains = [name for name in words if name.endswith("_domain")]
    return {**words, **{f"esld_{name}": _organisation(words[name]) for name in domains}}


WORDS: Final[Mapping[str, _Word]] = _words()
"""What ``$NAME`` or ``${NAME}`` in a key stands for; empty where the mail has no such thing."""


@frozen
class HashKey:
    """How the hash is named."""

    text: str
    selector: Selector | None = None

    def names(self, task: Task, *, expand: bool) -> Sequence[str]:
        """The hashes to ask about a mail; none where a word of the key has no value.

        ``expand`` puts values in for the ``WORDS``; others stay as they are written.
        """
        found = (self.text,) if self.selector is None else self.selector.values(task)[:_MAX_KEYS]
        if not expand:
            return tuple(filter(None, found))
        return tuple(filter(None, (_expanded(text, task) for text in found)))


def _expanded(text: str, task: Task) -> str:
    """The key with values put in; empty where one of them is missing."""
    parts: list[str] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        word = WORDS.get((match["braced"] or match["bare"]).lower())
        if word is None:
            continue
        value = word(task)
        if not value:
            return ""
        parts += (text[at : match.start()], value)
        at = match.end()
    return "".join((*parts, text[at:]))


def hash_key(location: str, delimiter: str = "") -> HashKey:
    """What follows ``redis://``, or a whole ``redis+selector://``. Raises ``SelectorError``."""
    if not location.startswith(SELECTOR_SCHEME):
        return HashKey(location)
    text = location.removeprefix(SELECTOR_SCHEME)
    return HashKey(text, compile_selector(text, delimiter=delimiter))
