"""All URLs and mail addresses of a message: text, links, images, queries, the subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urljoin

from filter_engine.dns.names import is_below
from filter_engine.lazy_dataclass import settled
from filter_engine.message.address import Address, parse_mailbox
from filter_engine.message.html import HtmlContent, Link
from filter_engine.message.limits import MAX_CANDIDATES, MAX_URL_LENGTH, MAX_URLS
from filter_engine.message.part import Part
from filter_engine.message.url import Url, UrlFlag, parse_url
from filter_engine.message.url_search import Budget, email_spans, url_spans

_WEB: Final = frozenset({"http", "https", "ftp"})
_MAX_NESTING: Final = 4
"""URLs inside the queries of URLs inside queries, when a link's last target is looked for."""
_MAX_SHOWN: Final = 512
"""Characters of a link's text in which a URL is looked for."""
_JUST_SHOWN: Final = UrlFlag.HTML_DISPLAYED | UrlFlag.SUBJECT


@settled
class Links:
    """What was found in one message."""

    urls: tuple[Url, ...]
    """Distinct, in order, at most ``MAX_URLS``."""
    emails: tuple[Address, ...]
    """Distinct, in order, at most ``MAX_URLS``."""
    written: Mapping[int, tuple[range, ...]]
    """By the part's index: where its visible text has URLs and mail addresses, in order."""
    sites: Mapping[int, Mapping[int, str]]
    """By the part's index, by where a URL of these begins: its registrable domain, or none."""


class _Found:
    """A URL and what has been learnt of it so far."""

    __slots__ = ("count", "flags", "phished", "url")

    def __init__(self, url: Url, count: int) -> None:
        self.url = url
        self.flags = url.flags
        self.count = count
        self.phished: Url | None = None

    def finish(self) -> Url:
        url = self.url
        if self.count == 1 and self.flags == url.flags and self.phished is None:
            return url
        return url.changed(url.origin, self.flags, self.count, self.phished)


def find_links(
    parts: Iterable[Part], subject: str | None = None, files: Iterable[Part] = ()
) -> Links:
    """URLs and mail addresses of text parts, the subject and PDF files among ``files``.

    The effort for all parts together is bounded; what lies beyond is not looked at.
    """
    return _Collector().read(parts, subject, files)


class _Collector:
    def __init__(self) -> None:
        self._urls: dict[str, _Found] = {}
        self._emails: dict[str, Address] = {}
        self._linked_to: dict[str, _Found] = {}
        """By the target as written."""
        self._budget = Budget()
        self._unparsed: set[str] = set()
        """Written forms of mail addresses that were read before."""

    def read(self, parts: Iterable[Part], subject: str | None, files: Iterable[Part]) -> Links:
        budget = self._budget
        written: dict[int, tuple[range, ...]] = {}
        sites: dict[int, dict[int, str]] = {}
        for part in parts:
            if budget.characters <= 0:
                break
            html = part.html
            if html is not None:
                self._html(html)
            text = (part.text if html is None else html.text)[: budget.characters]
            budget.characters -= max(len(part.text), len(text))
            bare = html is None and not _has_html_twin(part)
            origin = "text" if html is None else "html"
            at: dict[int, str] = {}
            written[part.index] = self._text(text, origin, at, bare=bare)
            sites[part.index] = at
        if subject:
            self._subject(subject[:MAX_URL_LENGTH])
        for part in files:
            if part.maintype == "application" and part.content[:5] == b"%PDF-":
                self._file(part.content)
        return Links(
            tuple(found.finish() for found in self._urls.values()),
            tuple(self._emails.values()),
            written,
            sites,
        )

    def _text(
        self, text: str, origin: str, sites: dict[int, str], *, bare: bool
    ) -> tuple[range, ...]:
        spans = url_spans(text, self._budget, bare=bare)
        mails = list(email_spans(text, self._budget, spans)) if "@" in text else []
        for span in spans:
            written = text[span.start : span.stop]
            url = parse_url(written, origin, flags=UrlFlag.TEXT, linked=False)
            sites[span.start] = "" if url is None or url.flags & UrlFlag.NO_TLD else url.esld
            if url is not None:
                self._add(url)
        for span in mails:
            self._add_email(text[span.start : span.stop])
        if not mails:
            return tuple(spans)
        return tuple(sorted([*spans, *mails], key=lambda span: span.start))

    def _subject(self, subject: str) -> None:
        for span in url_spans(subject, self._budget):
            url = parse_url(subject[span.start : span.stop], "subject", flags=_JUST_SHOWN)
            if url is None or url.flags & UrlFlag.NO_TLD:
                continue
            found = self._urls.get(url.text)
            if found is None:
                self._add(url)
            else:
                found.flags |= UrlFlag.SUBJECT

    def _file(self, content: bytes) -> None:
        from filter_engine.message.pdf_links import pdf_links  # few messages have one

        for target in pdf_links(content):
            url = parse_url(target[:MAX_URL_LENGTH], "html", flags=UrlFlag.CONTENT)
            if url is not None and url.text not in self._urls:
                self._add(url)

    def _html(self, html: HtmlContent) -> None:
        base = html.base if html.base and "://" in html.base else None
        shown: list[tuple[_Found, str]] = []
        for link in html.links:
            found = self._link(link, base)
            if found is not None and link.text:
                shown.append((found, link.text))
        if html.refresh:
            self._link(Link("meta", html.refresh), base)
        for image in html.images:
            if not image.embedded and image.source:
                self._linked(image.source, None, UrlFlag.IMAGE)
        for found, text in shown:
            self._shown(found, text)

    def _link(self, link: Link, base: str | None) -> _Found | None:
        target = link.target.strip()
        lowered = target[:7].lower()
        if lowered == "mailto:":
            self._add_email(unquote(target[7:].partition("?")[0])[:MAX_URL_LENGTH])
            return None
        if base is not None and "://" not in target and not target.startswith("//"):
            target = _joined(base, target)
        elif ":" not in target and "@" in target and "/" not in target:
            self._add_email(target[:MAX_URL_LENGTH])
            return None
        icon = UrlFlag.IMAGE if "icon" in link.rel else 0
        return self._linked(target, link.text or None, icon)

    def _linked(self, target: str, display: str | None, flags: int) -> _Found | None:
        # Half of the links of a mail lead where another one led.
        found = self._linked_to.get(target)
        if found is not None:
            found.count += 1
        else:
            url = parse_url(target, "html", display, flags)
            found = self._add(url) if url is not None else None
            if found is None:
                return None
            self._linked_to[target] = found
        found.flags |= flags
        return found

    def _shown(self, link: _Found, text: str) -> None:
        """A link's text that is itself a URL: whether it belies where the link leads."""
        text = text[:_MAX_SHOWN].lstrip()
        if len(text) < 5:
            return
        spans = url_spans(text, self._budget, bare=True)
        if not spans or spans[0].start:
            return
        if text[spans[0].stop : spans[0].stop + 1] == ":":  # "News.com: what happened today"
            return
        shown = parse_url(text[: spans[0].stop], "text")
        if shown is None or shown.flags & UrlFlag.NO_TLD:
            # A name of no known TLD may be an intranet's: it lies only when another is behind it.
            lies = shown is None or shown.host != link.url.host
            if lies and text[:4].lower() == "http" and "://" in text:
                link.flags |= UrlFlag.PHISHED | UrlFlag.OBSCURED
            return
        link.flags |= UrlFlag.URL_DISPLAYED
        if _is_phished(link.url, shown):
            link.flags |= UrlFlag.PHISHED
            link.phished = shown
        found = self._urls.get(shown.text)
        if found is None:
            flags = shown.flags & ~UrlFlag.SCHEMALESS | UrlFlag.HTML_DISPLAYED
            self._add(shown.changed("html", flags), 2)
        else:
            found.count += 1
            if found.flags & UrlFlag.TEXT:
                if not found.flags & UrlFlag.URL_DISPLAYED:
                    found.flags |= UrlFlag.HTML_DISPLAYED
                found.flags &= ~UrlFlag.TEXT

    def _add(self, url: Url, count: int = 1) -> _Found | None:
        found = self._urls.get(url.text)
        if found is not None:
            found.count += 1
            return found
        if len(self._urls) >= MAX_URLS:
            return None
        found = self._urls[url.text] = _Found(url, count)
        if "?" in url.path and url.origin != "query" and not url.flags & UrlFlag.IMAGE:
            self._query(url)
        return found

    def _query(self, url: Url) -> None:
        """URLs and mail addresses inside a URL's query."""
        query = url.query
        if "." not in query:
            return
        for span in url_spans(query, self._budget, bare=True):
            inner = parse_url(query[span.start : span.stop], "query", flags=UrlFlag.QUERY)
            if inner is not None and not inner.flags & UrlFlag.NO_TLD:
                self._add(inner)
        for span in email_spans(query, self._budget) if "@" in query else ():
            self._add_email(query[span.start : span.stop])

    def _add_email(self, written: str) -> None:
        if written in self._unparsed or "@" not in written or len(self._emails) >= MAX_URLS:
            return
        if len(self._unparsed) < MAX_CANDIDATES:
            self._unparsed.add(written)
        address = parse_mailbox(written.strip(". ").encode("utf-8", "replace"))
        if address.domain:
            self._emails.setdefault(address.email.lower(), address)


def _has_html_twin(part: Part) -> bool:
    """Whether the same text is there as HTML, where links are said to be links."""
    parent = part.parent
    if parent is None or parent.content_type != "multipart/alternative":
        return False
    return any(sibling.is_html for sibling in parent.children)


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:
        return target


def _is_phished(link: Url, shown: Url) -> bool:
    """Whether a link shows another site than its own, and is no plain redirector to that one."""
    if (link.scheme in _WEB) != (shown.scheme in _WEB) or link.host == shown.host:
        return False
    if _same_site(link.esld, shown.esld):
        return False
    target = query_target(link)
    return target is None or not _same_site(target.esld, shown.esld)


def _same_site(one: str, other: str) -> bool:
    one, other = _unicode(one), _unicode(other)
    return is_below(one, other) or is_below(other, one)


def _unicode(host: str) -> str:
    """A host as people see it."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host


def query_urls(url: Url) -> list[Url]:
    """The web URLs inside the query of a URL, in order."""
    query = url.query
    if "." not in query:
        return []
    # In a query the next parameter ends a URL whatever it may hold.
    found = []
    for value in query.split("&"):
        for span in url_spans(value, bare=True):
            inner = parse_url(value[span.start : span.stop], "text")
            if inner is not None and inner.scheme in _WEB and not inner.flags & UrlFlag.NO_TLD:
                found.append(inner)
    return found


def query_target(url: Url) -> Url | None:
    """Where a redirector leads in the end: the one URL in its query, and in that one's query.

    None when there is none, or several at one level.
    """
    target: Url | None = None
    current = url
    for _ in range(_MAX_NESTING):
        inner = query_urls(current)
        if not inner:
            break
        if len(inner) > 1:
            return None
        target = current = inner[0]
    return target
