"""From a verdict to the milter's reply after the end of a message.

The order and the texts are Rspamd's: removals from the last occurrence to the first, additions,
signatures, then what the action asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from filter_engine.lazy_dataclass import frozen
from filter_engine.scan.verdict import Action, HeaderEdits, RemoveHeader, Verdict
from filter_engine.wire.milter.codec import (
    Actions,
    Reply,
    added_header,
    indexed_header,
    packet,
)
from filter_engine.wire.text import octets

SPAM_REJECTED = "Spam message rejected"
TRY_AGAIN_LATER = "Try again later"
QUARANTINED = "Spam message quarantined"

TEMPFAIL = packet(Reply.TEMPFAIL)
ACCEPT = packet(Reply.ACCEPT)
CONTINUE = packet(Reply.CONTINUE)
DISCARD = packet(Reply.DISCARD)

_ADD_HEADERS = int(Actions.ADD_HEADERS)
_CHANGE_HEADERS = int(Actions.CHANGE_HEADERS)
_QUARANTINE = int(Actions.QUARANTINE)

_REFUSING = frozenset({Action.REJECT, Action.SOFT_REJECT, Action.DISCARD})

MAX_REMOVALS = 20_000
"""Header fields taken away from one message: each is a packet to the MTA."""
MAX_REPLY_TEXT = 480
"""Octets: a reply line has at most 512 with codes and CRLF (RFC 5321, section 4.5.3.1.5)."""


@frozen
class ReplyOptions:
    """What a proxy worker's configuration says about replies."""

    reject_message: str = SPAM_REJECTED
    tempfail_message: str = TRY_AGAIN_LATER
    """For a soft reject that brings no text of its own."""
    spam_header: str = "X-Spam"
    discard_on_reject: bool = False
    quarantine_on_reject: bool = False


def milter_reply(
    verdict: Verdict | None,
    header_counts: Mapping[bytes, int],
    actions: int,
    options: ReplyOptions,
) -> bytes:
    """All packets that answer the end of a message; without a verdict a temporary failure.

    ``header_counts`` are the message's header fields by lower-case name, ``actions`` what the MTA
    lets us do (bits of ``Actions``): header changes it did not offer are left out, a quarantine it
    did not offer becomes a temporary failure. So does a message with more forged header fields
    than ``MAX_REMOVALS``, unless it is refused anyway.
    """
    if verdict is None:
        return TEMPFAIL
    out: list[bytes] = []
    if _removals(verdict.edits, header_counts) <= MAX_REMOVALS:
        out.extend(_edits(verdict.edits, header_counts, actions))
    elif verdict.action not in _REFUSING:
        return TEMPFAIL
    if actions & _ADD_HEADERS:
        out.extend(
            indexed_header(Reply.INSERT_HEADER, index, b"DKIM-Signature", header_value(signature))
            for index, signature in enumerate(verdict.signatures, 1)
        )
    out.extend(_action(verdict, header_counts, actions, options))
    return b"".join(out)


def _action(
    verdict: Verdict, counts: Mapping[bytes, int], actions: int, options: ReplyOptions
) -> Iterator[bytes]:
    action = verdict.action
    message = verdict.messages.get("smtp_message")
    if action is Action.REJECT and options.discard_on_reject:
        action = Action.DISCARD
    elif action is Action.REJECT and options.quarantine_on_reject:
        action = Action.QUARANTINE
    if action is Action.REJECT:
        yield reply_code("554", "5.7.1", message or options.reject_message)
    elif action is Action.SOFT_REJECT:
        yield reply_code("451", "4.7.1", message or options.tempfail_message)
    elif action is Action.DISCARD:
        yield DISCARD
    elif action is Action.QUARANTINE:
        if actions & _QUARANTINE:
            yield packet(Reply.QUARANTINE, QUARANTINED.encode() + b"\0")
            yield ACCEPT
        else:
            yield TEMPFAIL
    else:
        if actions & _CHANGE_HEADERS:
            yield from _mark(verdict, counts, options)
        yield ACCEPT


def _mark(verdict: Verdict, counts: Mapping[bytes, int], options: ReplyOptions) -> Iterator[bytes]:
    if verdict.action is Action.REWRITE_SUBJECT and verdict.subject is not None:
        yield indexed_header(Reply.CHANGE_HEADER, 1, b"Subject", header_value(verdict.subject))
    elif verdict.action is Action.ADD_HEADER:
        yield from _remove(header_name(options.spam_header), [0], counts)
        yield indexed_header(Reply.CHANGE_HEADER, 1, header_name(options.spam_header), b"Yes")


def _edits(edits: HeaderEdits, counts: Mapping[bytes, int], actions: int) -> Iterator[bytes]:
    if actions & _CHANGE_HEADERS:
        for name, indices in _by_name(edits.remove).items():
            yield from _remove(name, indices, counts)
    if actions & _ADD_HEADERS:
        for addition in edits.add:
            name, value = header_name(addition.name), header_value(addition.value)
            if addition.order < 0:
                yield added_header(name, value)
            else:
                yield indexed_header(Reply.INSERT_HEADER, addition.order, name, value)


def _removals(edits: HeaderEdits, counts: Mapping[bytes, int]) -> int:
    """At most so many packets the removals take."""
    return sum(
        1 if removal.index else counts.get(header_name(removal.name).lower(), 0)
        for removal in edits.remove
    )


def _by_name(removals: Iterable[RemoveHeader]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for removal in removals:
        found.setdefault(header_name(removal.name), []).append(removal.index)
    return found


def _remove(name: bytes, indices: Sequence[int], counts: Mapping[bytes, int]) -> Iterator[bytes]:
    """Deletions of the occurrences that exist, from the last to the first, since those behind a
    deleted one move up. An index of 0 means all, a negative one counts from the last."""
    count = counts.get(name.lower(), 0)
    if 0 in indices:
        places: Iterable[int] = range(count, 0, -1)
    else:
        wanted = {index if index > 0 else count + 1 + index for index in indices}
        places = sorted((place for place in wanted if 0 < place <= count), reverse=True)
    for place in places:
        yield indexed_header(Reply.CHANGE_HEADER, place, name, b"")


def reply_code(code: str, enhanced: str, text: str) -> bytes:
    """``REPLY_CODE``: one line of printable ASCII.

    MTAs read the text as a format string, so ``%`` is doubled (Sendmail's ``smfi_setreply``, and
    Postfix for its sake).
    """
    line = "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in text)
    line = " ".join(line.split())[:MAX_REPLY_TEXT].replace("%", "%%")
    return packet(Reply.REPLY_CODE, f"{code} {enhanced} {line}".encode("ascii") + b"\0")


def header_name(name: str) -> bytes:
    """A header field name as the MTA takes it (RFC 5322, section 2.2); raises ``ValueError``."""
    if not name or not all("!" <= c <= "~" and c != ":" for c in name):
        raise ValueError(f"{name!r} is not a header field name")
    return name.encode("ascii")


def header_value(value: str) -> bytes:
    """A header value that cannot end the header: folds are ``\\n\\t``, no NUL, no bare newline."""
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" in value:
        first, *rest = value.split("\n")
        folded = [line if line[:1] in (" ", "\t") else f"\t{line}" for line in rest if line.strip()]
        value = "\n".join([first, *folded])
    return octets(value.replace("\0", ""))
