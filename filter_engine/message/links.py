"""URLs and mail addresses in the text of a message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from filter_engine.message.address import Address, parse_mailbox
from filter_engine.message.html import HtmlContent
from filter_engine.message.limits import (
    MAX_CANDIDATES,
    MAX_LINK_TEXT,
    MAX_TAGS,
    MAX_URL_LENGTH,
    MAX_URLS,
)
from filter_engine.message.part import Part
from filter_engine.message.url import Url, parse_url

_SCHEME: Final = re.compile(r"[A-Za-z]{2,6}$")
_URL_END: Final = re.compile(r"[\s<>\"`\x00-\x1f\u200b\u3000\uff1e]")
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$")
_MAIL_DOMAIN: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_CLOSING_SIGNS: Final = ".,;:!?'*\u2019\u201d\u00bb" + "".join(_BRACKETS)
_SCHEME_ROOM: Final = 6
_LOCAL_ROOM: Final = 64
_DOMAIN_ROOM: Final = 253


@dataclass(frozen=True, slots=True)
class Links:
    """What was found in the text parts of one message."""

    urls: tuple[Url, ...]
    """Distinct, in order, at most ``MAX_URLS``."""
    emails: tuple[Address, ...]
    """Distinct, in order, at most ``MAX_URLS``."""
    written: Mapping[int, tuple[str, ...]]
    """By the part's index: all that looks like a URL in its visible text, as written."""


class Budget:
    """What is left of the effort one message is worth."""

    __slots__ = ("characters", "emails", "tags", "urls")

    def __init__(self) -> None:
        self.characters = MAX_LINK_TEXT
        """Of text to be searched."""
        self.tags = MAX_TAGS
        """Of HTML to be read."""
        self.urls = MAX_CANDIDATES
        """Places in the text to be looked at because a URL may begin there."""
        self.emails = MAX_CANDIDATES
        """The same for mail addresses."""


def find_links(parts: Iterable[Part]) -> Links:
    """URLs and mail addresses of text parts.

    The effort for all parts together is bounded; what lies beyond is not looked at.
    """
    urls: dict[str, Url] = {}
    emails: dict[str, Address] = {}
    found: dict[int, tuple[str, ...]] = {}
    seen: set[str] = set()
    budget = Budget()
    for part in parts:
        if budget.characters <= 0:
            break
        html: HtmlContent | None = None
        if part.is_html and budget.tags > 0:
            budget.tags -= part.text.count("<")
            html = part.html
        origin = "text" if html is None else "html"
        for target, display in () if html is None else html.links:
            if target[:7].lower() == "mailto:":
                _add_email(emails, unquote(target[7:].partition("?")[0])[:MAX_URL_LENGTH])
            elif target not in seen:
                seen.add(target)
                _add_url(urls, parse_url(target, origin, display))
        text = (part.text if html is None else html.text)[: budget.characters]
        budget.characters -= max(len(part.text), len(text))
        found[part.index] = tuple(text_urls(text, budget))
        for written in found[part.index]:
            if len(urls) >= MAX_URLS:
                break
            if written not in seen:
                seen.add(written)
                _add_url(urls, parse_url(written, origin))
        for written in text_emails(text, budget):
            if len(emails) >= MAX_URLS:
                break
            if written not in seen:
                seen.add(written)
                _add_email(emails, written)
    return Links(tuple(urls.values()), tuple(emails.values()), found)


def _add_url(urls: dict[str, Url], url: Url | None) -> None:
    if url is not None and len(urls) < MAX_URLS:
        urls.setdefault(url.text, url)


def _add_email(emails: dict[str, Address], written: str) -> None:
    if len(emails) < MAX_URLS and "@" in written:
        address = parse_mailbox(written.encode("utf-8", "replace"))
        if address.domain:
            emails.setdefault(address.email.lower(), address)


def text_urls(text: str, budget: Budget | None = None) -> Iterator[str]:
    """What looks like a URL: anything around ``://``, and words that begin with ``www.``.

    Every place where one may begin costs one of ``budget.urls``, of a new budget by default.
    """
    budget = budget or Budget()
    position = text.find("://")
    while position >= 0 and budget.urls > 0:
        budget.urls -= 1
        scheme = _SCHEME.search(text[max(0, position - _SCHEME_ROOM) : position])
        end = position + 3
        if scheme is not None:
            start = position - len(scheme.group())
            end = _end_of_url(text, position + 3)
            yield text[start:end]
        position = text.find("://", end)
    lowered = text.replace("W", "w")
    position = lowered.find("www.")
    while position >= 0 and budget.urls > 0:
        budget.urls -= 1
        end = position + 4
        before = text[position - 1] if position else " "
        if not (before.isalnum() or before in "/.@-_=%"):
            end = max(end, _end_of_url(text, position))
            yield text[position:end]
        position = lowered.find("www.", end)


def _end_of_url(text: str, start: int) -> int:
    """Where a URL in running text ends: before a blank, and without the sentence's own signs.

    A bracket that closes one of the URL's own belongs to it: ``/x_(y)``.
    """
    stop = _URL_END.search(text, start, start + MAX_URL_LENGTH)
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


def text_emails(text: str, budget: Budget | None = None) -> Iterator[str]:
    """What looks like a mail address.

    Every ``@`` costs one of ``budget.emails``, of a new budget by default.
    """
    budget = budget or Budget()
    position = text.find("@")
    while position >= 0 and budget.emails > 0:
        budget.emails -= 1
        local = _LOCAL_PART.search(text[max(0, position - _LOCAL_ROOM) : position])
        domain = _MAIL_DOMAIN.match(text[position + 1 : position + 1 + _DOMAIN_ROOM])
        if local is not None and domain is not None:
            yield f"{local.group().strip('.')}@{domain.group()}"
        position = text.find("@", position + 1)
