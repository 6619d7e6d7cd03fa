"""HTML parts, read once: visible text, links, images, hidden text (tree by lexbor)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from filter_engine.message.css import (
    BLACK,
    NO_STYLE,
    WHITE,
    Colour,
    Sheet,
    Style,
    alike,
    parse_colour,
    parse_declarations,
)
from filter_engine.message.html_guard import CUSTOM, guard
from filter_engine.message.image_size import size_in_data_url
from filter_engine.message.limits import MAX_URLS

_LINKING: Final = {
    "a": "href",
    "area": "href",
    "link": "href",
    "form": "action",
    "iframe": "src",
    "frame": "src",
}
_UNSEEN: Final = frozenset({"script", "style", "head", "template", "noscript", "title"})
_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body center dd dir div dl dt fieldset footer form h1 h2 h3
    h4 h5 h6 header html li main menu nav ol p pre section table tr ul
    """.split()  # noqa: SIM905  # a table to read
)
_CELLS: Final = frozenset({"td", "th"})
_WATCHED: Final = frozenset({"font", "span", "div", "p", "td"})
"""Elements whose hidden text counts."""
_STYLED: Final = re.compile(r"style|color|<font|hidden", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\s*(\d{1,6})")
_REFRESH: Final = re.compile(r"\s*[\d.]*\s*[;,]?\s*url\s*=\s*['\"]?([^'\"]*)", re.IGNORECASE)
_REWRITTEN: Final = frozenset(
    CUSTOM + name
    for name in "b big code em font i nobr s small strike strong tt u".split()  # noqa: SIM905
)
_MAX_DEPTH: Final = 2000
_MAX_IMAGES: Final = 1000
_MAX_HIDDEN: Final = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """Where an element leads."""

    tag: str
    target: str
    """As written, entities decoded."""
    text: str | None = None
    """Visible text of an ``a``, ends stripped; None for every other element."""
    rel: str = ""
    """Of a ``link``, in lower case."""


@dataclass(frozen=True, slots=True)
class Image:
    """An ``img``."""

    source: str
    width: int
    height: int
    """Pixels as declared, else as the data says; 0 when unknown."""
    in_link: bool

    @property
    def content_id(self) -> str | None:
        """The part of the message it shows; None for any other image."""
        return self.source[4:] if self.source[:4].lower() == "cid:" else None

    @property
    def embedded(self) -> bool:
        """The message brings it along."""
        return self.source[:5].lower() == "data:" or self.content_id is not None


@dataclass(frozen=True, slots=True)
class HiddenText:
    """An element without inner ones whose text cannot be seen."""

    tag: str
    length: int
    """Characters of it."""
    transparent: bool
    """By its colours; else by display, visibility or size."""
    zero_size: bool
    colour: Colour = BLACK
    background: Colour = WHITE


@dataclass(slots=True)
class HtmlContent:
    """What an HTML part shows and where it leads; to be read only."""

    text: str = ""
    """Visible text; blocks end with a line break, runs of blanks are one."""
    links: list[Link] = field(default_factory=list)
    """In order, at most ``2 * MAX_URLS``."""
    images: list[Image] = field(default_factory=list)
    hidden: list[HiddenText] = field(default_factory=list)
    base: str | None = None
    """``href`` of the first ``base``."""
    refresh: str | None = None
    """Where ``<meta http-equiv=refresh>`` leads."""
    has_data_urls: bool = False
    forms: int = 0
    tags: set[str] = field(default_factory=set)
    """Names of all elements."""


class _Element:
    """An element that is open while the tree is walked."""

    __slots__ = (
        "children", "faded", "gone", "identity", "length", "link", "name", "start", "style",
    )  # fmt: skip

    def __init__(
        self, identity: int, name: str, style: Style, gone: bool, faded: bool, start: int
    ) -> None:
        self.identity = identity
        self.name = name
        self.style = style
        self.gone = gone
        """Nothing in it can be seen, whatever inner elements say."""
        self.faded = faded
        """Its own text cannot be seen, by its style."""
        self.start = start
        """Number of pieces of text before it."""
        self.link: Link | None = None
        self.children = 0
        self.length = 0
        """Characters of its own text."""


def parse_html(source: str) -> HtmlContent:
    """Read an HTML document; never raises, time and memory are bounded by the limits."""
    html = guard(source)
    root = LexborHTMLParser(html).root
    if root is None:
        return HtmlContent()
    return _Reader(_STYLED.search(html) is not None).read(root)


class _Reader:
    """One walk over a tree."""

    def __init__(self, styled: bool) -> None:
        self._styled = styled
        self._found = HtmlContent()
        self._pieces: list[str] = []
        self._open: list[_Element] = []
        self._sheet = Sheet()
        self._links_open = 0
        self._blank = True
        """The text so far ends with a blank or a line break, or is empty."""

    def read(self, root: LexborNode) -> HtmlContent:
        found, stack = self._found, self._open
        # The root's parent is the document, which is never left.
        stack.append(_Element(-1, "", NO_STYLE, False, False, 0))
        for node in root.traverse(include_text=True):
            name = node.tag
            parent = node.parent
            identity = -1 if parent is None else parent.mem_id
            while stack[-1].identity != identity and len(stack) > 1:
                self._leave(stack.pop())
            if name == "-text":
                self._text(node.text_content or "")
            elif name is not None and name[:1] not in "-!_#":
                stack[-1].children += 1
                if len(stack) < _MAX_DEPTH:
                    self._enter(node, name)
            else:
                stack[-1].children += 1
        while len(stack) > 1:
            self._leave(stack.pop())
        found.text = "".join(self._pieces)
        return found

    def _text(self, text: str) -> None:
        inside = self._open[-1]
        if inside.gone or inside.faded:
            if inside.name == "style":
                self._sheet.add(text)
            inside.length += len(text.strip())
            return
        words = text.split()
        if not words:
            if text and not self._blank:
                self._pieces.append(" ")
                self._blank = True
            return
        plain = " ".join(words)
        inside.length += len(plain)
        if text[0].isspace() and not self._blank:
            plain = " " + plain
        if text[-1].isspace():
            plain += " "
        self._pieces.append(plain)
        self._blank = text[-1].isspace()

    def _enter(self, node: LexborNode, name: str) -> None:
        if name in _REWRITTEN:
            name = name[len(CUSTOM) :]
        self._found.tags.add(name)
        outer = self._open[-1]
        if name in ("br", "hr"):
            self._pieces.append("\n")
            self._blank = True
            return
        attributes = node.attributes
        style, faded, gone = outer.style, outer.faded, outer.gone or name in _UNSEEN
        if self._styled and not gone:
            style = self._style(name, attributes, outer.style)
            if style is not outer.style:
                faded = _is_unseen(style)
                gone = style.hidden is True
        if name in _BLOCKS and not (gone or faded):
            self._line()
        element = _Element(node.mem_id, name, style, gone, faded, len(self._pieces))
        self._open.append(element)
        if name == "img":
            self._image(attributes, gone or faded)
        elif name in _LINKING:
            self._link(element, attributes)
        elif name == "base":
            self._found.base = self._found.base or attributes.get("href")
        elif name == "meta" and (attributes.get("http-equiv") or "").lower() == "refresh":
            target = _REFRESH.match(attributes.get("content") or "")
            self._found.refresh = self._found.refresh or (target[1] if target else None)
        if name == "a":
            self._links_open += 1

    def _leave(self, element: _Element) -> None:
        name = element.name
        if name == "a":
            self._links_open -= 1
            link = element.link
            if link is not None:
                shown = "".join(self._pieces[element.start :]).strip()
                self._found.links.append(Link("a", link.target, shown))
        if element.faded and name in _WATCHED and not element.children and element.length:
            self._note_hidden(element)
        if element.gone or element.faded:
            return
        if name in _BLOCKS:
            self._line()
        elif name in _CELLS and not self._blank:
            self._pieces.append(" ")
            self._blank = True

    def _line(self) -> None:
        if self._pieces and not self._pieces[-1].endswith("\n"):
            self._pieces.append("\n")
            self._blank = True

    def _link(self, element: _Element, attributes: dict[str, str | None]) -> None:
        if element.name == "form":
            self._found.forms += 1
        target = attributes.get(_LINKING[element.name])
        if not target or len(self._found.links) >= 2 * MAX_URLS:
            return
        rel = (attributes.get("rel") or "").strip().lower() if element.name == "link" else ""
        link = Link(element.name, target, rel=rel)
        if element.name == "a":
            element.link = link
        else:
            self._found.links.append(link)

    def _image(self, attributes: dict[str, str | None], unseen: bool) -> None:
        found = self._found
        source = (attributes.get("src") or "").strip()
        alternative = attributes.get("alt")
        if alternative and not unseen:
            self._text(f" {alternative} ")
        if len(found.images) >= _MAX_IMAGES:
            return
        style = attributes.get("style") or ""
        width = _pixels(attributes.get("width")) or _declared(style, "width")
        height = _pixels(attributes.get("height")) or _declared(style, "height")
        if source[:5].lower() == "data:":
            found.has_data_urls = True
            known = size_in_data_url(source)
            width, height = width or known[0], height or known[1]
        found.images.append(Image(source, width, height, self._links_open > 0))

    def _style(self, name: str, attributes: dict[str, str | None], outer: Style) -> Style:
        """The element's own style, and where it says nothing what it inherits."""
        own = NO_STYLE
        declared = attributes.get("style")
        if declared:
            own = parse_declarations(declared)
        colour, background = attributes.get("color"), attributes.get("bgcolor")
        if colour or background:
            own = own.over(
                Style(
                    parse_colour(colour) if colour else None,
                    parse_colour(background) if background else None,
                )
            )
        if self._sheet:
            identity = attributes.get("id")
            own = own.over(self._sheet.style_of(name, attributes.get("class"), identity))
        if "hidden" in attributes and own.hidden is None:
            own = own._replace(hidden=True)
        if own is NO_STYLE or own == NO_STYLE:
            return outer
        size = own.font_size
        if size is not None and size < 0:
            size = (16.0 if outer.font_size is None else outer.font_size) * -size / 100
        return Style(
            own.colour or outer.colour,
            own.background or outer.background,
            outer.font_size if size is None else size,
            own.hidden,
            own.opacity,
        )

    def _note_hidden(self, element: _Element) -> None:
        if len(self._found.hidden) >= _MAX_HIDDEN:
            return
        style = element.style
        zero = style.font_size is not None and int(style.font_size) == 0
        self._found.hidden.append(
            HiddenText(
                element.name,
                element.length,
                transparent=not zero and not style.hidden and _is_transparent(style),
                zero_size=zero,
                colour=style.colour or BLACK,
                background=style.background or WHITE,
            )
        )


def _is_unseen(style: Style) -> bool:
    if style.hidden or (style.font_size is not None and int(style.font_size) == 0):
        return True
    return _is_transparent(style)


def _is_transparent(style: Style) -> bool:
    colour, background = style.colour, style.background
    if style.opacity is not None and style.opacity < 0.04:
        return True
    if colour is None and background is None:
        return False
    colour, background = colour or BLACK, background or WHITE
    if colour[3] < 0.04:
        return True
    return background[3] > 0.04 and alike(colour, background)


def _pixels(text: str | None) -> int:
    number = _NUMBER.match(text) if text else None
    return int(number[1]) if number is not None else 0


def _declared(style: str, name: str) -> int:
    """The number after ``width`` or ``height`` in a ``style`` attribute; 0 when there is none."""
    if name not in style:
        return 0
    return _pixels(style.partition(name)[2].lstrip(" :="))
