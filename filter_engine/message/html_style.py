"""The style of each element of an HTML document, and whether its text can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from filter_engine.message.css import (
    BLACK,
    NO_STYLE,
    WHITE,
    Sheet,
    Style,
    alike,
    parse_colour,
    parse_declarations,
)

_CLEAR: Final = 0.04
"""How opaque a colour is that nobody sees."""
_MAX_KNOWN: Final = 4096
"""Different styles of one document that are remembered."""
_STYLING: Final = frozenset({"style", "color", "bgcolor", "hidden"})
"""Attributes that say how an element looks."""


class Look(NamedTuple):
    """How an element looks, what it inherits included."""

    style: Style
    gone: bool
    """By its own ``display`` or ``visibility``: inner elements are gone as well."""
    faded: bool
    """Its own text cannot be seen: that, or its size, or its colours."""
    zero_size: bool
    number: int
    """Looks of one document differ in it."""


DEFAULT_LOOK: Final = Look(NO_STYLE, False, False, False, 0)


class Looks:
    """Works out looks; elements that are written alike cost once."""

    __slots__ = ("_by_style", "_has_rules", "_known", "_number", "_sheet")

    def __init__(self) -> None:
        # The look around is told by its number: a style takes long to hash.
        self._known: dict[tuple[object, ...], Look] = {}
        self._by_style: dict[Style, Look] = {}
        self._number = DEFAULT_LOOK.number
        self._sheet = Sheet()
        self._has_rules = False

    def add_sheet(self, text: str) -> None:
        """Read the content of a ``style`` element, for the elements after it."""
        self._sheet.add(text)
        self._has_rules = bool(self._sheet)
        self._known.clear()

    def look(self, name: str, attributes: Mapping[str, str | None], outer: Look) -> Look:
        """How an element inside another looks; ``outer`` itself when nothing is said of it."""
        key: tuple[object, ...]
        get = attributes.get
        if self._has_rules:
            identity, classes = get("id"), get("class")
        elif _STYLING.isdisjoint(attributes):
            return outer
        else:
            name, identity, classes = "", None, None
        declared, colour, background = get("style"), get("color"), get("bgcolor")
        hidden = "hidden" in attributes
        key = (outer.number, declared, colour, background, hidden, name, classes, identity)
        look = self._known.get(key)
        if look is None:
            own = parse_declarations(declared) if declared else NO_STYLE
            if colour or background:
                own = own.over(
                    Style(
                        parse_colour(colour) if colour else None,
                        parse_colour(background) if background else None,
                    )
                )
            if self._has_rules:
                own = own.over(self._sheet.style_of(name, classes, identity))
            if hidden and own.hidden is None:
                own = own._replace(hidden=True)
            look = DEFAULT_LOOK if own == NO_STYLE else self._look(own, outer.style)
            if len(self._known) < _MAX_KNOWN:
                self._known[key] = look
        return outer if look is DEFAULT_LOOK else look

    def _look(self, own: Style, outer: Style) -> Look:
        size = own.font_size
        if size is None:
            size = outer.font_size
        elif size < 0:
            size = (16.0 if outer.font_size is None else outer.font_size) * -size / 100
        style = Style(
            own.colour or outer.colour,
            own.background or outer.background,
            size,
            own.hidden,
            own.opacity,
        )
        look = self._by_style.get(style)
        if look is None:
            self._number += 1
            gone = own.hidden is True
            zero_size = size is not None and int(size) == 0
            faded = gone or zero_size or is_transparent(style)
            look = Look(style, gone, faded, zero_size, self._number)
            if len(self._by_style) < _MAX_KNOWN:
                self._by_style[style] = look
        return look


def is_transparent(style: Style) -> bool:
    """Whether text of that style has the colour of its background, or none."""
    if style.opacity is not None and style.opacity < _CLEAR:
        return True
    colour, background = style.colour, style.background
    if colour is None and background is None:
        return False
    colour, background = colour or BLACK, background or WHITE
    return colour[3] < _CLEAR or (background[3] > _CLEAR and alike(colour, background))
