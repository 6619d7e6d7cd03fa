"""The eval functions of rule files that are served.

Source: Mail::SpamAssassin::Plugin::FreeMail(3), WLBLEval(3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from filter_engine.checks.addresses import header_senders
from filter_engine.message.address import parse_addresses
from filter_engine.scan.task import Task

Lists: TypeAlias = "dict[str, list[str]]"
Function: TypeAlias = "Callable[[Task, Lists, Sequence[str]], bool]"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_MAX_TEXT: Final = 4096
"""Characters of a header that are searched for addresses."""


@lru_cache(maxsize=256)
def _globs(entries: tuple[str, ...]) -> re.Pattern[str]:
    """``*`` and ``?`` in lists of addresses and domains."""
    signs = {"*": ".*", "?": "."}
    parts = ("".join(signs.get(c, re.escape(c)) for c in re.sub(r"\*+", "*", e)) for e in entries)
    return re.compile(f"(?:{'|'.join(parts)})\\Z", re.DOTALL)


def _listed(text: str, lists: Lists, name: str) -> bool:
    entries = lists.get(name)
    return bool(entries) and _globs(tuple(entries or ())).match(text.lower()) is not None


def _freemail(address: str, lists: Lists, pattern: str = "") -> bool:
    address = address.lower()
    domain = address.rpartition("@")[2]
    if not _listed(domain, lists, "freemail_domains"):
        return False
    if _listed(address, lists, "freemail_whitelist") or _listed(
        domain, lists, "freemail_whitelist"
    ):
        return False
    return not pattern or _matches(pattern, address)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error:
        return None


def _matches(pattern: str, address: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.search(address[:320]) is not None


def _senders(task: Task) -> list[str]:
    found = [address.email for address in header_senders(task)]
    if task.envelope.mail_from:
        found.append(task.envelope.mail_from)
    return [address for address in found if address]


def _recipients(task: Task) -> list[str]:
    found = [address.email for address in task.message.recipients]
    return [address for address in (*found, *task.envelope.rcpt_to) if address]


def _check_freemail_from(task: Task, lists: Lists, arguments: Sequence[str]) -> bool:
    pattern = arguments[0] if arguments else ""
    return any(_freemail(address, lists, pattern) for address in _senders(task))


def _header_addresses(task: Task, name: str) -> Iterable[str]:
    if name.lower() == "envelopefrom":
        return [task.envelope.mail_from] if task.envelope.mail_from else []
    texts = (field.value[:_MAX_TEXT] for field in task.message.get_all(name))
    return [address for text in texts for address in _ADDRESS.findall(text)]


def _check_freemail_header(task: Task, lists: Lists, arguments: Sequence[str]) -> bool:
    if not arguments:
        return False
    pattern = arguments[1] if len(arguments) > 1 else ""
    return any(_freemail(a, lists, pattern) for a in _header_addresses(task, arguments[0]))


def _check_freemail_replyto(task: Task, lists: Lists, _arguments: Sequence[str]) -> bool:
    """Reply-To is a free mail address, and another one than From's."""
    field = task.message.get("reply-to")
    if field is None:
        return False
    replies = [a.email.lower() for a in parse_addresses((field,), task.message.note)]
    senders = {address.email.lower() for address in header_senders(task)}
    return any(_freemail(reply, lists) and reply not in senders for reply in replies)


def _in_list(name: str, addresses: Callable[[Task], list[str]]) -> Function:
    def check(task: Task, lists: Lists, _arguments: Sequence[str]) -> bool:
        return any(_listed(address, lists, name) for address in addresses(task))

    return check


FUNCTIONS: Final[dict[str, Function]] = {
    "check_freemail_from": _check_freemail_from,
    "check_freemail_header": _check_freemail_header,
    "check_freemail_replyto": _check_freemail_replyto,
    **{
        f"check_{who}_in_{word}": _in_list(f"{kind}_{who}", addresses)
        for who, addresses in (("from", _senders), ("to", _recipients))
        for word, kind in (
            ("whitelist", "whitelist"),
            ("welcomelist", "whitelist"),
            ("blacklist", "blacklist"),
            ("blocklist", "blacklist"),
        )
    },
}
"""Functions by name; each takes the task, the lists of the files and the call's arguments."""
