"""The little of CSS that decides whether text can be seen: colours, font size, display.

Declarations as in a ``style`` attribute (CSS Syntax 3), and rules of ``style`` elements whose
selectors are a tag, a class, an id or a tag with one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

Colour: TypeAlias = "tuple[int, int, int, float]"
"""Red, green, blue (0 to 255) and how opaque (0 to 1)."""

WHITE: Final[Colour] = (255, 255, 255, 1.0)
BLACK: Final[Colour] = (0, 0, 0, 1.0)
_MAX_DECLARATIONS: Final = 64
_MAX_RULES: Final = 500
"""Rules of all ``style`` elements of one document."""
_MAX_READ: Final = 4 * _MAX_RULES
"""Rules of one element that are read, with or without a use."""
_MAX_SHEET: Final = 128 << 10
_TELLING: Final = re.compile(r"color|background|font|display|visibility|opacity", re.IGNORECASE)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_BRACE: Final = re.compile(r"[{}]")
_MAX_PRELUDE: Final = 1_000
"""Characters of the selectors of one rule that are looked at, the last ones."""
_MAX_BODY: Final = 4_000
"""Characters of the declarations of one rule; a longer one is left out."""
_MAX_KEPT: Final = 512
"""Characters of declarations whose meaning is kept for the next message."""
_MAX_COLOUR: Final = 128
"""Characters of a colour; what stands behind its function does not count."""
_SELECTOR: Final = re.compile(r"([a-z][a-z0-9]*|\*)?([.#][\w-]+)?", re.IGNORECASE)
_SIZE: Final = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|ex|%|vw|vh|pc|in|cm|mm)?", re.IGNORECASE)
_FUNCTION: Final = re.compile(r"(rgb|rgba|hsl|hsla)\(([^()]{0,100})\)", re.IGNORECASE)
_UNITS: Final = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78}
_SAME: Final = 0.1 * 256
_NAMES: Final = {
    "black": 0x000000,
    "silver": 0xC0C0C0,
    "gray": 0x808080,
    "grey": 0x808080,
    "white": 0xFFFFFF,
    "maroon": 0x800000,
    "red": 0xFF0000,
    "purple": 0x800080,
    "fuchsia": 0xFF00FF,
    "magenta": 0xFF00FF,
    "green": 0x008000,
    "lime": 0x00FF00,
    "olive": 0x808000,
    "yellow": 0xFFFF00,
    "navy": 0x000080,
    "blue": 0x0000FF,
    "teal": 0x008080,
    "aqua": 0x00FFFF,
    "cyan": 0x00FFFF,
    "orange": 0xFFA500,
    "pink": 0xFFC0CB,
    "brown": 0xA52A2A,
    "gold": 0xFFD700,
    "beige": 0xF5F5DC,
    "ivory": 0xFFFFF0,
    "snow": 0xFFFAFA,
    "azure": 0xF0FFFF,
    "mintcream": 0xF5FFFA,
    "honeydew": 0xF0FFF0,
    "aliceblue": 0xF0F8FF,
    "ghostwhite": 0xF8F8FF,
    "whitesmoke": 0xF5F5F5,
    "floralwhite": 0xFFFAF0,
    "seashell": 0xFFF5EE,
    "oldlace": 0xFDF5E6,
    "linen": 0xFAF0E6,
    "lavenderblush": 0xFFF0F5,
    "mistyrose": 0xFFE4E1,
    "gainsboro": 0xDCDCDC,
    "lightgray": 0xD3D3D3,
    "lightgrey": 0xD3D3D3,
    "darkgray": 0xA9A9A9,
    "darkgrey": 0xA9A9A9,
    "dimgray": 0x696969,
    "dimgrey": 0x696969,
    "lightyellow": 0xFFFFE0,
    "lightcyan": 0xE0FFFF,
    "lavender": 0xE6E6FA,
    "cornsilk": 0xFFF8DC,
    "lemonchiffon": 0xFFFACD,
    "darkblue": 0x00008B,
    "midnightblue": 0x191970,
    "royalblue": 0x4169E1,
    "steelblue": 0x4682B4,
    "skyblue": 0x87CEEB,
    "lightblue": 0xADD8E6,
    "darkred": 0x8B0000,
    "crimson": 0xDC143C,
    "firebrick": 0xB22222,
    "tomato": 0xFF6347,
    "coral": 0xFF7F50,
    "darkorange": 0xFF8C00,
    "darkgreen": 0x006400,
    "forestgreen": 0x228B22,
    "seagreen": 0x2E8B57,
    "indigo": 0x4B0082,
    "violet": 0xEE82EE,
    "khaki": 0xF0E68C,
    "tan": 0xD2B48C,
    "chocolate": 0xD2691E,
}
"""Names of colours (CSS Color 4, 6.1) that mail uses; the rest counts as not said."""


class Style(NamedTuple):
    """What is declared; None where nothing is."""

    colour: Colour | None = None
    background: Colour | None = None
    font_size: float | None = None
    """Pixels; below zero: that part of the parent's, in percent."""
    hidden: bool | None = None
    """``display: none`` or ``visibility: hidden``; False where another value is given."""
    opacity: float | None = None

    def over(self, other: Style) -> Style:
        """This style, and where it says nothing the other."""
        return Style(
            self.colour or other.colour,
            self.background or other.background,
            other.font_size if self.font_size is None else self.font_size,
            other.hidden if self.hidden is None else self.hidden,
            other.opacity if self.opacity is None else self.opacity,
        )


NO_STYLE: Final = Style()


def parse_declarations(text: str) -> Style:
    """The declarations of a ``style`` attribute; what cannot be read is left out."""
    return _kept_style(text) if len(text) <= _MAX_KEPT else _style(text)


def _style(text: str) -> Style:
    if _TELLING.search(text) is None:
        return NO_STYLE
    colour: Colour | None = None
    background: Colour | None = None
    font_size: float | None = None
    hidden: bool | None = None
    opacity: float | None = None
    for declaration in text.split(";", _MAX_DECLARATIONS)[:_MAX_DECLARATIONS]:
        name, colon, value = declaration.partition(":")
        if not colon:
            continue
        name = name.strip().lower()
        value = value.partition("!")[0].strip().lower()
        if name == "color":
            colour = parse_colour(value) or colour
        elif name in ("background", "background-color"):
            background = _background(value) or background
        elif name in ("font-size", "font"):
            size = _font_size(value, shorthand=name == "font")
            font_size = font_size if size is None else size
        elif name == "display":
            hidden = value == "none" or (hidden or None)
        elif name == "visibility" and value in ("hidden", "collapse"):
            hidden = True
        elif name == "opacity":
            number = _SIZE.match(value)
            opacity = opacity if number is None else float(number[1])
    return Style(colour, background, font_size, hidden, opacity)


_kept_style = lru_cache(maxsize=4096)(_style)


def parse_colour(text: str) -> Colour | None:
    """A colour by name, ``#rgb``, ``#rrggbb``, ``rgb()`` or ``hsl()``; None when it is none."""
    return _colour(text.strip()[:_MAX_COLOUR].lower())


@lru_cache(maxsize=1024)
def _colour(value: str) -> Colour | None:
    if value in _NAMES:
        return _of_number(_NAMES[value])
    if value == "transparent":
        return (0, 0, 0, 0.0)
    digits = value.removeprefix("#")
    if len(digits) in (3, 4, 6, 8) and all(sign in "0123456789abcdef" for sign in digits):
        if len(digits) < 6:
            digits = "".join(sign * 2 for sign in digits)
        red, green, blue, _ = _of_number(int(digits[:6], 16))
        return (red, green, blue, int(digits[6:] or "ff", 16) / 255)
    function = _FUNCTION.match(value)
    return None if function is None else _of_function(function[1], function[2])


def _of_number(number: int) -> Colour:
    return (number >> 16, number >> 8 & 255, number & 255, 1.0)


def _of_function(name: str, arguments: str) -> Colour | None:
    words = arguments.replace(",", " ").replace("/", " ").split()
    if len(words) < 3:
        return None
    try:
        numbers = [
            float(word.rstrip("%deg")) / (100 if word.endswith("%") else 1) for word in words[:4]
        ]
    except ValueError:
        return None
    opaque = min(1.0, max(0.0, numbers[3])) if len(numbers) > 3 else 1.0
    if name.startswith("rgb"):
        scaled = (
            n * 255 if w.endswith("%") else n for n, w in zip(numbers[:3], words, strict=False)
        )
        red, green, blue = (int(min(255.0, max(0.0, n))) for n in scaled)
        return (red, green, blue, opaque)
    lightness = min(1.0, max(0.0, numbers[2]))
    if numbers[1] > 0 and 0 < lightness < 1:
        return None  # a hue: neither white nor black, and no more is asked
    grey = int(lightness * 255)
    return (grey, grey, grey, opaque)


def _background(value: str) -> Colour | None:
    """The colour in a ``background`` with other words beside it."""
    colour = parse_colour(value)
    if colour is not None or " " not in value:
        return colour
    function = _FUNCTION.search(value)
    if function is not None:
        return _of_function(function[1], function[2])
    for word in value.split()[:8]:
        colour = parse_colour(word)
        if colour is not None:
            return colour
    return None


def _font_size(value: str, *, shorthand: bool) -> float | None:
    for word in value.split()[:8]:
        size = _SIZE.match(word)
        if size is None or (shorthand and size[2] is None and float(size[1]) >= 100):
            continue  # a weight such as 700
        number, unit = float(size[1]), (size[2] or "px").lower()
        if unit == "%":
            return -number if number else 0.0
        return number * _UNITS.get(unit, 16.0)
    return None


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of each rule, also of those inside ``@media { }``."""
    opened = start = 0
    inside = False
    for brace in _BRACE.finditer(text):
        position = brace.start()
        if brace[0] == "{":
            opened, start, inside = position, start if not inside else opened + 1, True
            continue
        if inside and position - opened <= _MAX_BODY:
            yield text[max(start, opened - _MAX_PRELUDE) : opened], text[opened + 1 : position]
        start, inside = position + 1, False


class Sheet:
    """The rules of a document's ``style`` elements, by tag, class and id."""

    __slots__ = ("_rules", "_size")

    def __init__(self) -> None:
        self._rules: dict[str, Style] = {}
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, text: str) -> None:
        """Read the content of a ``style`` element; rules beyond the bounds are left out."""
        text = text[: _MAX_SHEET - self._size]
        self._size += len(text)
        if "/*" in text:
            text = _COMMENT.sub(" ", text)
        for prelude, body in islice(_rules(text), _MAX_READ):
            if len(self._rules) >= _MAX_RULES:
                return
            style = parse_declarations(body.strip())
            if style == NO_STYLE:
                continue
            for selector in prelude.split(",")[:32]:
                found = _SELECTOR.fullmatch(selector.strip())
                if found is not None and found[0]:
                    key = (found[1] or "").lower() + (found[2] or "")
                    self._rules[key] = style.over(self._rules.get(key, NO_STYLE))

    def style_of(self, tag: str, classes: str | None, identity: str | None) -> Style:
        """What the rules say of an element; the more particular selector wins."""
        rules = self._rules
        style = rules.get(tag, NO_STYLE)
        general = rules.get("*")
        if general is not None:
            style = style.over(general)
        for name in (classes or "").split()[:16]:
            for key in (f".{name}", f"*.{name}", f"{tag}.{name}"):
                if key in rules:
                    style = rules[key].over(style)
        if identity:
            for key in (f"#{identity}", f"{tag}#{identity}"):
                if key in rules:
                    style = rules[key].over(style)
        return style


def alike(colour: Colour, background: Colour) -> bool:
    """Whether nobody can tell text of that colour from its background.

    The distance is the weighted one of RGB ("redmean"); below a tenth of the scale it is nothing.
    """
    red, green, blue = (float(colour[n] - background[n]) ** 2 for n in range(3))
    mean = (colour[0] + background[0]) / 2
    distance = 2 * red + 4 * green + 3 * blue + mean * (red - blue) / 256
    return distance < _SAME**2
