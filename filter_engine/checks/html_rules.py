"""What HTML parts show and hide: images, text nobody sees, links that say something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from filter_engine.message import Part
from filter_engine.message.html import HtmlContent, Image
from filter_engine.message.image_size import image_size
from filter_engine.message.limits import MAX_URL_LENGTH
from filter_engine.message.url import parse_url
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_HTML = ("html",)
_CSS: Final = re.compile(r"\.css(?:[?#].*)?$", re.IGNORECASE)
_TO_ADDRESS: Final = re.compile(r"https?://\d+\.\d+\.\d+\.\d+")
_DIGIT: Final = re.compile(r"\d")
_SHORT: Final = (
    ("HTML_SHORT_LINK_IMG_1", 0, 1024),
    ("HTML_SHORT_LINK_IMG_2", 1024, 1536),
    ("HTML_SHORT_LINK_IMG_3", 1536, 2048),
)
_INVISIBLE_WEIGHTS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
"""By the number of hidden elements; the last for all greater ones."""
_ZERO_WEIGHTS: Final = (0.1, 0.2, 0.2, 0.3, 0.5)
_MANY_ZERO: Final = 10
# HTML, section 4.2.5.3: <meta http-equiv="refresh" content="SECONDS; url=ADDRESS">, quoted or not.
_REFRESH: Final = re.compile(
    rb"""<meta\s+http-equiv=["']?refresh["']?\s+content=["']?\s*\d+\s*;\s*url=""",
    re.IGNORECASE,
)
_DATA: Final = re.compile(rb"data:[^/\s<>]{1,64}/[^; <>]{1,64};base64,", re.IGNORECASE)
_DATA_TEXT: Final = re.compile(
    b"|".join(b"data:text/%b;base64," % kind for kind in (b"plain", b"html")), re.IGNORECASE
)


def _html_parts(task: Task) -> Iterator[tuple[Part, HtmlContent]]:
    for part in task.message.text_parts:
        html = part.html
        if html is not None:
            yield part, html


def _sizes(task: Task, image: Image) -> int:
    """Width and height together, in pixels; those of an attached image by its content."""
    width, height = image.width, image.height
    wanted = image.content_id
    if wanted is not None and not (width and height):
        for part in task.message.parts:
            if part.content_id == wanted:  # whatever type it says to be of
                known = image_size(part.content)
                width, height = width or known[0], height or known[1]
                break
    return width + height


@check(
    "html_images",
    module="html",
    symbols=(
        Symbol("HTML_SHORT_LINK_IMG_1", 2.0, "Below 1 KB of text, a link with an image", _HTML),
        Symbol("HTML_SHORT_LINK_IMG_2", 1.0, "1 to 1.5 KB of text, a link with an image", _HTML),
        Symbol("HTML_SHORT_LINK_IMG_3", 0.5, "1.5 to 2 KB of text, a link with an image", _HTML),
        Symbol("R_EMPTY_IMAGE", 2.0, "Hardly any text, a large image", _HTML),
        Symbol("R_SUSPICIOUS_IMAGES", 5.0, "More of the mail is images than words", _HTML),
    ),
)
def html_images(task: Task) -> list[Finding]:
    """Images that stand in for text."""
    found: list[Finding] = []
    suspicious = False
    short: set[str] = set()
    empty = False
    for part, html in _html_parts(task):
        if not html.images:
            continue
        length = len(html.text.encode("utf-8", "replace"))
        sized = [(image, _sizes(task, image)) for image in html.images]
        for symbol, least, most in _SHORT:
            if symbol in short or not least <= length < most:
                continue
            for image, size in sized:
                if image.in_link and image.embedded and size >= 210:
                    short.add(symbol)
                    evidence = f"part {part.index}: {length} bytes of text, {image.source[:80]}"
                    found.append(Finding(symbol, evidence=evidence))
                    break
        if not empty and length < 50:
            large = [image for image, size in sized if size >= 400 and not image.in_link]
            if large:
                empty = True
                evidence = f"part {part.index}: {length} bytes of text, {large[0].source[:80]}"
                found.append(Finding("R_EMPTY_IMAGE", evidence=evidence))
        if not suspicious:
            # A picture of 100 x 200 pixels stands for three words.
            pictured = sum(size / 100 for image, size in sized if image.in_link and _usual(size))
            words = len(task.message.words_of(part)) if pictured else 0
            share = pictured / (pictured + words) if pictured else 0.0
            if share > 0.5:
                suspicious = True
                evidence = f"part {part.index}: {words} words, images for {pictured:.0f}"
                weight = (share - 0.5) * 2
                found.append(Finding("R_SUSPICIOUS_IMAGES", (), weight, evidence))
    return found


def _usual(size: int) -> bool:
    return 100 < size < 3000


@check(
    "html_visible",
    module="html",
    callback="HTML_VISIBLE_CHECKS",
    symbols=(
        Symbol("MANY_INVISIBLE_PARTS", 1.0, "Much of the text is hidden", _HTML, True),
        Symbol("ZERO_FONT", 1.0, "Text of no size", _HTML, True),
        Symbol("R_WHITE_ON_WHITE", 4.0, "Text in the colour of its background", _HTML, True),
    ),
)
def html_visible(task: Task) -> list[Finding]:
    """Text that is there for filters, not for readers."""
    hidden = [item for _, html in _html_parts(task) for item in html.hidden]
    if not hidden:
        return []
    number = len(hidden)
    tags = ", ".join(sorted({item.tag for item in hidden}))
    evidence = f"hidden: {number} of {tags}"
    weight = _INVISIBLE_WEIGHTS[min(number, len(_INVISIBLE_WEIGHTS)) - 1]
    shown = str(min(number, len(_INVISIBLE_WEIGHTS)))
    found = [Finding("MANY_INVISIBLE_PARTS", (shown,), weight, evidence)]
    zero = sum(item.zero_size for item in hidden)
    if zero:
        weight = 1.0 if zero > _MANY_ZERO else _ZERO_WEIGHTS[min(zero, len(_ZERO_WEIGHTS)) - 1]
        found.append(Finding("ZERO_FONT", (str(zero),), weight, f"{zero} elements of size 0"))
    found += _white_on_white(task)
    return found


def _white_on_white(task: Task) -> list[Finding]:
    """The share of text that has no colour of its own; counts from a tenth of all."""
    unseen = [i for _, html in _html_parts(task) for i in html.hidden if i.transparent]
    length = sum(item.length for item in unseen)
    if not length:
        return []
    seen = sum(len(part.visible_text) for part in task.message.text_parts)
    share = length / (length + seen)
    if share <= 0.1:
        return []
    most = max(unseen, key=lambda item: item.length)
    option = f"{most.tag} color {_hex(most.colour)} bgcolor {_hex(most.background)}"
    weight = min(0.5, share) * 2
    return [Finding("R_WHITE_ON_WHITE", (option,), weight, f"{share:.0%} of the text")]


def _hex(colour: tuple[int, int, int, float]) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


@check(
    "html_links",
    module="html",
    symbols=(
        Symbol("EXT_CSS", 1.0, "A style sheet from elsewhere", _HTML),
        Symbol("HTTP_TO_HTTPS", 0.5, "A link that shows https and leads to http", _HTML),
        Symbol("HTTP_TO_IP", 1.0, "A link to an address instead of a name", _HTML),
    ),
)
def html_links(task: Task) -> list[Finding]:
    """Links that are not what they look like."""
    found: dict[str, Finding] = {}
    first = True
    for _, html in _html_parts(task):
        for link in html.links:
            if link.tag == "link" and "EXT_CSS" not in found and _CSS.search(link.target):
                found["EXT_CSS"] = Finding("EXT_CSS", evidence=link.target[:200])
            if link.tag != "a" or not first:
                continue
            target = link.target.strip()
            if "HTTP_TO_HTTPS" not in found and link.text and _shows_https(link.text, target):
                url = parse_url(target, "html")
                if url is not None:
                    evidence = f"{link.text[:80]} -> {target[:80]}"
                    found["HTTP_TO_HTTPS"] = Finding(
                        "HTTP_TO_HTTPS", (url.host,), evidence=evidence
                    )
            if "HTTP_TO_IP" not in found:
                if html.base and ":" not in target and not target.startswith("//"):
                    target = _joined(html.base, target)
                url = parse_url(target, "html") if _may_be_address(target) else None
                if url is not None and _TO_ADDRESS.match(url.text):
                    found["HTTP_TO_IP"] = Finding("HTTP_TO_IP", evidence=target[:200])
        first = False  # only the first HTML part is what the reader gets
    return list(found.values())


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base[:MAX_URL_LENGTH], target)
    except ValueError:
        return target


def _shows_https(text: str, target: str) -> bool:
    return text[:6].lower() == "https:" and target[:5].lower() == "http:"


def _may_be_address(target: str) -> bool:
    return _DIGIT.search(target, 0, 24) is not None


@check(
    "html_raw",
    module="html",
    symbols=(
        Symbol("HTML_META_REFRESH_URL", 5.0, "HTML that leads elsewhere by itself", _HTML, True),
        Symbol("HAS_DATA_URI", 0.0, "Data inside a URL", _HTML, True),
        Symbol("DATA_URI_OBFU", 2.0, "Text or HTML inside a URL", _HTML, True),
    ),
)
def html_raw(task: Task) -> list[Finding]:
    """Tricks in the source of texts, attached ones included."""
    found: dict[str, Finding] = {}
    for part in task.message.parts:
        if not (part.is_text or part.is_text_file):
            continue
        content = part.content
        where = f"part {part.index}"
        lowered = content.lower()
        if b"refresh" in lowered and (match := _REFRESH.search(content)):
            found["HTML_META_REFRESH_URL"] = Finding(
                "HTML_META_REFRESH_URL", evidence=f"{where}: {_shown(match)}"
            )
        if b";base64," in lowered:
            if match := _DATA.search(content):
                found["HAS_DATA_URI"] = Finding(
                    "HAS_DATA_URI", evidence=f"{where}: {_shown(match)}"
                )
            if match := _DATA_TEXT.search(content):
                found["DATA_URI_OBFU"] = Finding(
                    "DATA_URI_OBFU", evidence=f"{where}: {_shown(match)}"
                )
    return list(found.values())


def _shown(match: re.Match[bytes]) -> str:
    return match[0][:100].decode("ascii", "replace")
