"""HTML parts: links and visible text, by lexbor, guarded against input that makes trees explode."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from filter_engine.message.limits import MAX_HTML, MAX_TAGS, MAX_URLS

# HTML, section 13.2.4.3: formatting elements left open are opened anew in every later block, so
# n of them and n blocks make n * n nodes. As custom elements they keep their place and attributes.
_FORMATTING_NAMES: Final = r"(?=(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>])"
_FORMATTING_START: Final = re.compile("<" + _FORMATTING_NAMES, re.IGNORECASE)
_FORMATTING_END: Final = re.compile("</" + _FORMATTING_NAMES, re.IGNORECASE)
_FEW_TAGS: Final = 200
"""The square of half of this is harmless."""
_DATA_URL: Final = re.compile(r"(data:[^\s\"'<>]{64})[^\s\"'<>]+")
# A tag may hold any number of attributes, each compared with all before it.
_LONG_RUN: Final = re.compile(r"[^<]{16384}")
_CLOSE_ANY_TAG: Final = "\\g<0>\">'>"
_LINKING: Final = "a[href],area[href],form[action],iframe[src],img[src],link[href]"
_INVISIBLE: Final = ["script", "style", "head", "template", "noscript"]


@dataclass(frozen=True, slots=True)
class HtmlContent:
    """What an HTML part shows and where it leads."""

    links: tuple[tuple[str, str | None], ...]
    """Target and visible text of each link in order; None for images, forms and the like."""
    text: str
    """Visible text, elements separated by a blank."""


def parse_html(source: str) -> HtmlContent:
    """Read an HTML document; never raises, time and memory are bounded by the limits."""
    tree = LexborHTMLParser(_guard(source))
    links: list[tuple[str, str | None]] = []
    for node in tree.css(_LINKING):
        attributes = node.attributes
        target = attributes.get("href") or attributes.get("src") or attributes.get("action")
        if target:
            links.append((target, node.text(deep=True).strip() if node.tag == "a" else None))
            if len(links) >= 2 * MAX_URLS:
                break
    for node in tree.css(",".join(_INVISIBLE)):
        node.decompose()
    root = tree.root
    text = "" if root is None else root.text(deep=True, separator=" ")
    return HtmlContent(tuple(links), text)


def _guard(source: str) -> str:
    """The document without what would cost lexbor more than linear time or memory."""
    html = source[:MAX_HTML]
    if "data:" in html:
        html = _DATA_URL.sub(r"\1", html)
    tags = html.count("<")
    if tags > MAX_TAGS:
        html = _first_tags(html)
    if tags > _FEW_TAGS:
        html = _FORMATTING_END.sub("</x-", _FORMATTING_START.sub("<x-", html))
    return _LONG_RUN.sub(_CLOSE_ANY_TAG, html)


def _first_tags(html: str) -> str:
    position = -1
    for _ in range(MAX_TAGS):
        position = html.find("<", position + 1)
    return html[:position]
