"""HTML parts, read once: visible text, links, images, hidden text (tree by lexbor)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final

from filter_engine.lazy_dataclass import mutable, settled
from filter_engine.message.css import BLACK, WHITE, Colour
from filter_engine.message.html_guard import guard
from filter_engine.message.html_kinds import (
    ANCHOR,
    ASKED,
    BLOCK,
    BREAK,
    BY_NUMBER,
    CHILDLESS,
    ENDS,
    LINKING,
    OWN,
    TEXT,
    UNSEEN,
    WATCHED,
    named,
)
from filter_engine.message.html_style import DEFAULT_LOOK, Look, Looks
from filter_engine.message.image_size import size_in_data_url
from filter_engine.message.limits import MAX_URLS

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_NO_ATTRIBUTES: Final[Mapping[str, str | None]] = {}
_STYLED: Final = re.compile(r"style|color|<font|hidden", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\s*(\d{1,6})")
_REFRESH: Final = re.compile(r"\s*[\d.]*\s*[;,]?\s*url\s*=\s*['\"]?([^'\"]*)", re.IGNORECASE)
_MAX_DEPTH: Final = 2000
_MAX_IMAGES: Final = 1000
_MAX_HIDDEN: Final = 1000


@settled
class Link:
    """Where an element leads."""

    tag: str
    target: str
    """As written, entities decoded."""
    text: str | None = None
    """Visible text of an ``a``, ends stripped; None for every other element."""
    rel: str = ""
    """Of a ``link``, in lower case."""


@settled
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


@settled
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


@mutable
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
    """An element that is open while the tree is walked, and that is more than a block or a cell."""

    __slots__ = ("gone", "is_leaf", "kind", "length", "link", "look", "name", "start")

    def __init__(self, name: str, kind: int, look: Look, gone: bool, start: int) -> None:
        self.name = name
        self.kind = kind
        self.look = look
        self.gone = gone
        """Nothing in it can be seen, whatever inner elements say."""
        self.start = start
        """Number of pieces of text before it."""
        self.link: str | None = None
        self.is_leaf = True
        self.length = 0
        """Characters of its own text that cannot be seen."""


def parse_html(source: str) -> HtmlContent:
    """Read an HTML document; never raises, time and memory are bounded by the limits."""
    from selectolax.lexbor import LexborHTMLParser  # commands that scan nothing do without

    html = guard(source)
    root = LexborHTMLParser(html).root
    if root is None:
        return HtmlContent()
    return _Reader(_STYLED.search(html) is not None).read(root)


class _Reader:
    """One walk over a tree. It is the hot part of reading a message: few calls an element.

    Each property of a node is a call into the parser that makes a new object, so none is read
    twice or in vain. The walk goes to children and siblings itself: ``traverse`` would have it ask
    each node for its parent to know what has ended.
    """

    def __init__(self, styled: bool) -> None:
        self._styled = styled
        self._found = HtmlContent()
        self._pieces: list[str] = []
        self._looks = Looks()
        self._links_open = 0
        self._blank = True
        """The text so far ends with a blank or a line break, or is empty."""

    def read(self, root: LexborNode) -> HtmlContent:
        found, pieces, styled, looks = self._found, self._pieces, self._styled, self._looks
        known, add_tag, add_text = BY_NUMBER.get, found.tags.add, pieces.append
        element = _Element("", 0, DEFAULT_LOOK, False, 0)
        look = DEFAULT_LOOK
        # The open nodes, each with the element and the look around it and what its end means for
        # the text.
        opened: list[tuple[LexborNode, _Element, Look, int]] = []
        node = root
        while True:
            name, kind = known(node.tag_id) or named(node)
            child = None
            if kind == TEXT:
                text = node.text_content or ""
                if look.faded or element.gone:
                    self._unseen_text(text, element)
                elif words := text.split():
                    plain = words[0] if len(words) == 1 else " ".join(words)
                    if not self._blank and text[0].isspace():
                        plain = " " + plain
                    self._blank = text[-1].isspace()
                    add_text(plain + " " if self._blank else plain)
                elif text and not self._blank:
                    add_text(" ")
                    self._blank = True
            elif kind & CHILDLESS:
                element.is_leaf = False
                if kind & BREAK:
                    add_tag(name)
                    add_text("\n")
                    self._blank = True
            else:
                element.is_leaf = False
                add_tag(name)
                attributes = _NO_ATTRIBUTES
                inner, inner_look, end = element, look, 0
                if styled or kind & ASKED:
                    attributes = node.attributes
                    if styled and attributes and not (kind & UNSEEN or element.gone):
                        inner_look = looks.look(name, attributes, look)
                if kind & OWN or inner_look.faded:
                    inner = self._enter(name, kind, attributes, inner_look, element, look)
                    if inner.gone:
                        inner_look = DEFAULT_LOOK
                elif not element.gone:
                    end = kind & ENDS
                    if end & BLOCK and pieces and pieces[-1] != "\n":
                        add_text("\n")
                        self._blank = True
                child = node.first_child
                if child is not None and len(opened) < _MAX_DEPTH:
                    opened.append((node, element, look, end))
                    element, look, node = inner, inner_look, child
                    continue
                if inner is not element:
                    self._leave(inner)
                elif end:
                    self._end(end)
            # To what follows the node, else to what follows the node around it.
            following = None
            while opened:
                following = node.next
                if following is not None:
                    node = following
                    break
                node, outer, look, end = opened.pop()
                if element is not outer:
                    self._leave(element)
                    element = outer
                elif end:
                    self._end(end)
            if following is None:
                found.text = "".join(pieces)
                return found

    def _enter(
        self,
        name: str,
        kind: int,
        attributes: Mapping[str, str | None],
        look: Look,
        outer: _Element,
        outer_look: Look,
    ) -> _Element:
        """The start of an element that cannot be seen or is asked something."""
        gone = outer.gone or kind & UNSEEN != 0 or (look.gone and look is not outer_look)
        if kind & BLOCK and not (gone or look.faded):
            self._line()
        element = _Element(name, kind, look, gone, len(self._pieces))
        if kind & ASKED:
            self._look_at(element, attributes)
        return element

    def _text(self, text: str) -> None:
        """Text that can be seen and stands in no node of its own."""
        words = text.split()
        if words:
            plain = " ".join(words)
            if not self._blank and text[0].isspace():
                plain = " " + plain
            self._blank = text[-1].isspace()
            self._pieces.append(plain + " " if self._blank else plain)
        elif text and not self._blank:
            self._pieces.append(" ")
            self._blank = True

    def _unseen_text(self, text: str, inside: _Element) -> None:
        words = text.split()
        if words:
            inside.length += len(" ".join(words))
            if inside.name == "style":
                self._looks.add_sheet(text)
        elif text and not (self._blank or inside.gone):
            self._pieces.append(" ")
            self._blank = True

    def _leave(self, element: _Element) -> None:
        """What an element's end means; nothing for one of no kind that can be seen."""
        kind = element.kind
        if kind & ANCHOR:
            self._links_open -= 1
            if element.link is not None:
                shown = "".join(self._pieces[element.start :]).strip()
                self._found.links.append(Link("a", element.link, shown))
        look = element.look
        if look.faded:
            if kind & WATCHED and element.is_leaf:
                transparent = not (look.gone or look.zero_size)
                if element.length or transparent:
                    self._note_hidden(element)
        elif kind & ENDS and not element.gone:
            self._end(kind)

    def _end(self, kind: int) -> None:
        """The end of a block or a cell that can be seen parts what is before it from the rest."""
        if kind & BLOCK:
            self._line()
        elif not self._blank:
            self._pieces.append(" ")
            self._blank = True

    def _line(self) -> None:
        # No text ends with a line break.
        if self._pieces and self._pieces[-1] != "\n":
            self._pieces.append("\n")
            self._blank = True

    def _look_at(self, element: _Element, attributes: Mapping[str, str | None]) -> None:
        """Take from an element's attributes what it is asked for."""
        found, name = self._found, element.name
        if name in LINKING:
            self._link(element, attributes)
        elif name == "img":
            self._image(attributes, element)
        elif name == "base":
            found.base = found.base or attributes.get("href")
        elif (attributes.get("http-equiv") or "").lower() == "refresh":
            target = _REFRESH.match(attributes.get("content") or "")
            found.refresh = found.refresh or (target[1] if target else None)

    def _link(self, element: _Element, attributes: Mapping[str, str | None]) -> None:
        name = element.name
        if name == "a":
            self._links_open += 1
        elif name == "form":
            self._found.forms += 1
        target = attributes.get(LINKING[name])
        if not target or len(self._found.links) >= 2 * MAX_URLS:
            return
        if name == "a":
            element.link = target
        else:
            rel = (attributes.get("rel") or "").strip().lower() if name == "link" else ""
            self._found.links.append(Link(name, target, rel=rel))

    def _image(self, attributes: Mapping[str, str | None], element: _Element) -> None:
        found = self._found
        source = (attributes.get("src") or "").strip()
        alternative = attributes.get("alt")
        if alternative and not (element.gone or element.look.faded):
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

    def _note_hidden(self, element: _Element) -> None:
        if len(self._found.hidden) >= _MAX_HIDDEN:
            return
        look, style = element.look, element.look.style
        self._found.hidden.append(
            HiddenText(
                element.name,
                element.length,
                transparent=not (look.zero_size or look.gone),
                zero_size=look.zero_size,
                colour=style.colour or BLACK,
                background=style.background or WHITE,
            )
        )


def _pixels(text: str | None) -> int:
    number = _NUMBER.match(text) if text else None
    return int(number[1]) if number is not None else 0


def _declared(style: str, name: str) -> int:
    """The number after ``width`` or ``height`` in a ``style`` attribute; 0 when there is none."""
    if name not in style:
        return 0
    return _pixels(style.partition(name)[2].lstrip(" :="))
