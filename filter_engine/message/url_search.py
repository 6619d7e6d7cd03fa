"""Where URLs and mail addresses stand in running text."""

from __future__ import annotations

import re
import string
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from filter_engine.message.limits import (
    MAX_CANDIDATES,
    MAX_LINK_TEXT,
    MAX_URL_LENGTH,
)
from filter_engine.message.url import has_public_suffix

_SHORTEST_SCHEME: Final = 2
# Behind the last letter of a scheme of the web; the colon stands first to be found fast.
_SLASHLESS: Final = re.compile(r":(?<=[pPsS]:)(?!//)[\\\w]")
_WEB_SCHEMES: Final = frozenset({"http", "https", "hxxp", "hxxps"})
_URL_END: Final = re.compile(r"[\s<>\"`\x00-\x1f\u3000\uff1e]")
_HOST_END: Final = re.compile(r"[/?#,;()\s<>\"`\x00-\x1f\u3000\uff1e]")
_GOES_ON: Final = frozenset("/?#()")
"""Ends of a host after which the URL may go on."""
_BARE: Final = re.compile(
    r"(?<![\w@./:%=&?+-])[^\W_][\w-]*(?:\.[\w-]+)*\.(?:[A-Za-z]{2,24}|[Xx][Nn]--[\w-]{1,59})(?![\w@-])"
)
_DOT_IN_NAME: Final = re.compile(r"\.[A-Za-z]{2}")
_LOCAL_PART: Final = f"{string.ascii_letters}{string.digits}!#$%&'*+/=?^_`{{|}}~.-"
_MAIL_DOMAIN: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_CLOSING_SIGNS: Final = ".,;:!?'*\u2019\u201d\u00bb\u200b\u200c\u200d\ufeff" + "".join(_BRACKETS)
_SCHEME_ROOM: Final = 6
_LOCAL_ROOM: Final = 64
_DOMAIN_ROOM: Final = 253


class Budget:
    """What is left of the effort one message is worth."""

    __slots__ = ("characters", "emails", "urls")

    def __init__(self) -> None:
        self.characters = MAX_LINK_TEXT
        """Of text to be searched."""
        self.urls = MAX_CANDIDATES
        """Places in the text to be looked at because a URL may begin there."""
        self.emails = MAX_CANDIDATES
        """The same for mail addresses."""


def url_spans(text: str, budget: Budget | None = None, *, bare: bool = False) -> list[range]:
    """What looks like a URL, in order, none inside another.

    Anything around ``://``, ``http:`` without slashes, words that begin with ``www.``, and with
    ``bare`` all names that end in a public suffix. Every place where one may begin costs one of
    ``budget.urls``, of a new budget by default.
    """
    # Most texts of links have neither sign.
    has_colon, has_dot = ":" in text, "." in text
    if not (has_colon or has_dot):
        return []
    budget = budget or Budget()
    spans: list[range] = []
    if has_colon:
        spans += _with_scheme(text, budget)
        spans += _slashless(text, budget)
    if has_dot:
        spans += _www(text, budget)
        if bare:
            spans += _bare(text, budget)
    if len(spans) < 2:
        return spans
    spans.sort(key=lambda span: (span.start, -span.stop))
    found: list[range] = []
    end = 0
    for span in spans:
        if span.start >= end:
            found.append(span)
            end = span.stop
    return found


def _with_scheme(text: str, budget: Budget) -> Iterator[range]:
    position = text.find("://")
    while position >= 0 and budget.urls > 0:
        budget.urls -= 1
        scheme = _letters_before(text, position)
        end = position + 3
        if len(scheme) >= _SHORTEST_SCHEME:
            end = _end_of_url(text, position + 3)
            yield range(position - len(scheme), end)
        position = text.find("://", end)


def _slashless(text: str, budget: Budget) -> Iterator[range]:
    """``http:host`` and ``http:\\\\host``; none is looked for inside another."""
    done = 0
    for colon in _SLASHLESS.finditer(text):
        if budget.urls <= 0:
            return
        start = colon.start()
        if start < done:
            continue
        scheme = _letters_before(text, start)
        if scheme.lower() in _WEB_SCHEMES:
            budget.urls -= 1
            end = done = _end_of_url(text, start + 1)
            if "." in text[start:end]:
                yield range(start - len(scheme), end)


def _letters_before(text: str, position: int) -> str:
    """The letters that end at a position, no more than a scheme has: it may be one."""
    before = text[max(0, position - _SCHEME_ROOM) : position]
    return before[len(before.rstrip(string.ascii_letters)) :]


def _www(text: str, budget: Budget) -> Iterator[range]:
    if "w." not in text and "W." not in text:
        return  # for most, without a copy of the text
    lowered = text.replace("W", "w")
    position = lowered.find("www.")
    while position >= 0 and budget.urls > 0:
        budget.urls -= 1
        end = position + 4
        before = text[position - 1] if position else " "
        if not (before.isalnum() or before in "/.@-_=%"):
            end = max(end, _end_of_url(text, position))
            yield range(position, end)
        position = lowered.find("www.", end)


def _bare(text: str, budget: Budget) -> Iterator[range]:
    """Names without scheme, looked at word by word so that no word is read twice."""
    done = 0
    for dot in _DOT_IN_NAME.finditer(text):
        place = dot.start()
        if place < done:
            continue
        if budget.urls <= 0:
            return
        budget.urls -= 1
        window = text[max(done, place - _DOMAIN_ROOM) : place]
        if not window or window[-1].isspace():
            continue
        # Where the word begins: after the last blank before the dot.
        start = place - len(window.rsplit(None, 1)[-1])
        stop = _URL_END.search(text, place, place + MAX_URL_LENGTH)
        done = stop.start() if stop is not None else min(len(text), place + MAX_URL_LENGTH)
        for name in _BARE.finditer(text, start, min(done, place + _DOMAIN_ROOM)):
            end = name.end()
            if _ends_well(text, name.start(), end) and has_public_suffix(name.group().lower()):
                if text[end : end + 1] in ("/", "?", ":"):
                    end = _end_of_url(text, name.start())
                yield range(name.start(), end)


def _ends_well(text: str, start: int, end: int) -> bool:
    """Whether a name stands alone, as a path follows, or in brackets: not within a sentence."""
    before = text[start - 1] if start else " "
    after = text[end : end + 1] or " "
    if after == ".":
        after = text[end + 1 : end + 2] or " "
    if before in "<([{":
        return after in ">)]}/?:" or after.isspace()
    return before.isspace() and (after in "/?:" or after.isspace())


def _end_of_url(text: str, start: int) -> int:
    """Where a URL in running text ends: before a blank, and without the sentence's own signs.

    A bracket that closes one of the URL's own belongs to it: ``/x_(y)``. A comma ends the host.
    """
    # What ends with its host is not looked at beyond: there may be a thousand more in one word.
    stop = _HOST_END.search(text, start, start + MAX_URL_LENGTH)
    if stop is not None and stop[0] in _GOES_ON:
        stop = _URL_END.search(text, stop.end(), start + MAX_URL_LENGTH)
    end = stop.start() if stop is not None else min(len(text), start + MAX_URL_LENGTH)
    whole = text[start:end]
    core = whole.rstrip(_CLOSING_SIGNS)
    if len(core) == len(whole):
        return end
    # The last closing sign to keep is, for some kind of bracket, the last that has a partner.
    # Opening ones are all in the core. Strangers write thousands of them: nothing here loops.
    signs = whole[len(core) :]
    kept = 0
    for closing, opening in _BRACKETS.items():
        partners = core.count(opening) - core.count(closing)
        if partners > 0:
            kept = max(kept, len(signs) - len(signs.split(closing, partners)[-1]))
    return start + len(core) + kept


def email_spans(
    text: str, budget: Budget | None = None, urls: Sequence[range] = ()
) -> Iterator[range]:
    """What looks like a mail address, in order, none that begins inside one of ``urls``.

    Every ``@`` costs one of ``budget.emails``, of a new budget by default. ``urls`` are in order.
    """
    budget = budget or Budget()
    starts = [url.start for url in urls]
    position = text.find("@")
    while position >= 0 and budget.emails > 0:
        budget.emails -= 1
        before = text[max(0, position - _LOCAL_ROOM) : position]
        local = before[len(before.rstrip(_LOCAL_PART)) :].lstrip("./")
        if local:
            domain = _MAIL_DOMAIN.match(text, position + 1, position + 1 + _DOMAIN_ROOM)
            if domain is not None:
                start = position - len(local)
                url = bisect_right(starts, start) - 1
                if url < 0 or start >= urls[url].stop:
                    yield range(start, domain.end())
        position = text.find("@", position + 1)
