"""URLs and mail addresses in the text of a message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from filter_engine.message.address import Address, parse_mailbox
from filter_engine.message.html import HtmlContent
from filter_engine.message.limits import MAX_TAGS, MAX_URL_LENGTH, MAX_URLS
from filter_engine.message.part import Part
from filter_engine.message.url import Url, parse_url

_SCHEME: Final = re.compile(r"[A-Za-z]{2,6}$")
_URL_END: Final = re.compile(r"[\s<>\"`\x00-\x1f\u200b\u3000\uff1e]")
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$")
_MAIL_DOMAIN: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_SCHEME_ROOM: Final = 6
_LOCAL_ROOM: Final = 64
_DOMAIN_ROOM: Final = 253


def find_links(parts: Iterable[Part]) -> tuple[tuple[Url, ...], tuple[Address, ...]]:
    """Distinct URLs and mail addresses of text parts, in order, at most ``MAX_URLS`` of each."""
    urls: dict[str, Url] = {}
    emails: dict[str, Address] = {}
    seen: set[str] = set()
    tags_left = MAX_TAGS
    for part in parts:
        html: HtmlContent | None = None
        if part.is_html and tags_left > 0:
            tags_left -= part.text.count("<")
            html = part.html
        origin = "text" if html is None else "html"
        for target, display in () if html is None else html.links:
            if target[:7].lower() == "mailto:":
                _add_email(emails, unquote(target[7:].partition("?")[0])[:MAX_URL_LENGTH])
            elif target not in seen:
                seen.add(target)
                _add_url(urls, parse_url(target, origin, display))
        text = part.text if html is None else html.text
        for written in text_urls(text):
            if len(urls) >= MAX_URLS:
                break
            if written not in seen:
                seen.add(written)
                _add_url(urls, parse_url(written, origin))
        for written in text_emails(text):
            if len(emails) >= MAX_URLS:
                break
            _add_email(emails, written)
    return tuple(urls.values()), tuple(emails.values())


def _add_url(urls: dict[str, Url], url: Url | None) -> None:
    if url is not None and len(urls) < MAX_URLS:
        urls.setdefault(url.text, url)


def _add_email(emails: dict[str, Address], written: str) -> None:
    if len(emails) < MAX_URLS and "@" in written:
        address = parse_mailbox(written.encode("utf-8", "replace"))
        if address.domain:
            emails.setdefault(address.email.lower(), address)


def text_urls(text: str) -> Iterator[str]:
    """What looks like a URL: anything around ``://``, and words that begin with ``www.``."""
    position = text.find("://")
    while position >= 0:
        scheme = _SCHEME.search(text[max(0, position - _SCHEME_ROOM) : position])
        end = position + 3
        if scheme is not None:
            start = position - len(scheme.group())
            end = _end_of_url(text, position + 3)
            yield text[start:end]
        position = text.find("://", end)
    lowered = text.lower() if "www." in text or "WWW." in text else ""
    if len(lowered) != len(text):
        return
    position = lowered.find("www.")
    while position >= 0:
        end = position + 4
        before = text[position - 1] if position else " "
        if not (before.isalnum() or before in "/.@-_=%"):
            end = max(end, _end_of_url(text, position))
            yield text[position:end]
        position = lowered.find("www.", end)


def _end_of_url(text: str, start: int) -> int:
    """Where a URL in running text ends: before a blank, and without the sentence's own signs."""
    stop = _URL_END.search(text, start, start + MAX_URL_LENGTH)
    end = stop.start() if stop is not None else min(len(text), start + MAX_URL_LENGTH)
    while end > start:
        last = text[end - 1]
        if last in ".,;:!?'*\u2019\u201d\u00bb" or (
            last in _BRACKETS
            and text.count(_BRACKETS[last], start, end) < text.count(last, start, end)
        ):
            end -= 1
        else:
            break
    return end


def text_emails(text: str) -> Iterator[str]:
    """What looks like a mail address."""
    position = text.find("@")
    while position >= 0:
        local = _LOCAL_PART.search(text[max(0, position - _LOCAL_ROOM) : position])
        domain = _MAIL_DOMAIN.match(text[position + 1 : position + 1 + _DOMAIN_ROOM])
        if local is not None and domain is not None:
            yield f"{local.group().strip('.')}@{domain.group()}"
        position = text.find("@", position + 1)
