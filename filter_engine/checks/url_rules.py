"""URLs that are odd by number, place or spelling."""

from __future__ import annotations

from typing import Final

from filter_engine.checks.confusables import is_spoofed, looks_like
from filter_engine.message import Message, Url, UrlFlag
from filter_engine.message.url import parse_url
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_URL = ("url",)
_UNSEEN: Final = UrlFlag.SUBJECT | UrlFlag.HTML_DISPLAYED | UrlFlag.SPECIAL | UrlFlag.CONTENT


@check(
    "uri_count",
    module="url",
    symbols=(Symbol("URI_COUNT_ODD", 1.0, "An odd number of URLs in multipart/alternative", _URL),),
)
def uri_count(task: Task) -> list[Finding]:
    """Text and HTML of one mail have the same URLs, so their number should be even."""
    message = task.message
    kind = message.text("content-type")
    if kind is None or not kind.lower().startswith("multipart/alternative"):
        return []
    number = sum(url.count for url in message.urls if _counts(url))
    if any(url.flags == UrlFlag.NUMERIC for url in message.urls):
        number -= _of_forms(message)
    if number % 2 == 0:
        return []
    return [Finding("URI_COUNT_ODD", (str(number),), evidence=f"{number} URLs")]


def _counts(url: Url) -> bool:
    """As in Rspamd, where links of which nothing is to be said are not counted."""
    if not url.flags or url.flags & _UNSEEN:
        return False
    return not (url.flags & UrlFlag.TEXT and url.flags & UrlFlag.NO_TLD)


def _of_forms(message: Message) -> int:
    """URLs with an address for a host to which only forms are sent: Rspamd does not count them."""
    links = [link for part in message.text_parts if part.html for link in part.html.links]
    targets = {link.target for link in links if link.tag == "form"}
    targets -= {link.target for link in links if link.tag != "form"}
    found = {url.text for target in targets if (url := parse_url(target, "html")) is not None}
    return sum(
        url.count for url in message.urls if url.flags == UrlFlag.NUMERIC and url.text in found
    )


@check(
    "url_in_subject",
    module="url",
    symbols=(Symbol("URL_IN_SUBJECT", 4.0, "A URL in the subject", ("subject",)),),
)
def url_in_subject(task: Task) -> list[Finding]:
    """Weighs fully when the subject is nothing else, a tenth when it has no scheme."""
    for url in task.message.links:
        if url.flags & UrlFlag.SUBJECT:
            if url.flags & UrlFlag.SCHEMALESS:
                weight = 0.1
            else:
                weight = 1.0 if url.text == task.message.subject else 0.25
            return [Finding("URL_IN_SUBJECT", (url.host,), weight, f"Subject: {url.text}")]
    return []


@check(
    "obscured_urls",
    module="url",
    symbols=(
        Symbol("R_SUSPICIOUS_URL", 5.0, "A URL written to hide where it leads", _URL, True),
        Symbol("ZERO_WIDTH_SPACE_URL", 7.0, "Spaces without width in a URL", _URL, True),
    ),
)
def obscured_urls(task: Task) -> list[Finding]:
    """Escapes, backslashes, odd numbers and invisible spaces in place of a plain host."""
    found: list[Finding] = []
    for url in task.message.urls:
        if url.flags & UrlFlag.OBSCURED:
            found.append(Finding("R_SUSPICIOUS_URL", (url.host,), evidence=url.text))
        if url.flags & UrlFlag.ZW_SPACES:
            found.append(Finding("ZERO_WIDTH_SPACE_URL", (url.host,), evidence=url.text))
    return found


@check(
    "omograph_url",
    module="url",
    symbols=(Symbol("OMOGRAPH_URL", 5.0, "A host with letters that look like others", _URL),),
)
def omograph_url(task: Task) -> list[Finding]:
    """Hosts that mix scripts, and links to hosts that look like the one they show."""
    options: dict[str, None] = {}
    weight = 0.5
    seen: set[str] = set()
    for url in task.message.links:
        if url.phished is not None and looks_like(url.host, url.phished.host):
            options[f"{url.host}->{url.phished.host}"] = None
            weight = 1.0
        if not url.flags & UrlFlag.HTML_DISPLAYED and url.esld not in seen:
            seen.add(url.esld)
            if is_spoofed(url.esld):
                options[url.esld] = None
    if not options:
        return []
    return [Finding("OMOGRAPH_URL", tuple(options), weight, ", ".join(options))]
