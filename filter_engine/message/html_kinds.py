"""Kinds of HTML's nodes: what a name, or the parser's number of it, means to a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from filter_engine.message.html_guard import CUSTOM

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

LINKING: Final = {
    "a": "href",
    "area": "href",
    "link": "href",
    "form": "action",
    "iframe": "src",
    "frame": "src",
}
"""Element that leads somewhere -> the attribute that says where."""
_BLOCKS: Final = """
address article aside blockquote body center dd dir div dl dt fieldset footer form h1 h2 h3 h4 h5
h6 header html li main menu nav ol p pre section table tr ul
"""
_PLAIN: Final = """
abbr b big body center code col colgroup del em figure html i ins label picture s small strike
strong sub sup tbody tfoot thead u wbr
"""
# What a node is, as bits.
BLOCK: Final = 1
CELL: Final = 2
ENDS: Final = BLOCK | CELL
UNSEEN: Final = 4
"""Its text is none of the document's."""
WATCHED: Final = 8
"""Its text counts when it is hidden."""
ASKED: Final = 16
"""Its attributes tell something."""
ANCHOR: Final = 32
TEXT: Final = 64
BREAK: Final = 128
NO_ELEMENT: Final = 256
_BITS: Final = (
    (BLOCK, _BLOCKS),
    (CELL, "td th"),
    (UNSEEN, "script style head template title"),
    (WATCHED, "font span div p td"),
    (ASKED, " ".join((*LINKING, "img base meta"))),
    (ANCHOR, "a"),
    (TEXT, "-text"),
    (BREAK, "br hr"),
    (NO_ELEMENT, "-comment !doctype"),
    (0, _PLAIN),
)
OWN: Final = UNSEEN | ASKED
"""It is looked at by itself; all others only where they cannot be seen."""
CHILDLESS: Final = BREAK | NO_ELEMENT
"""Nothing in it is read."""
_KINDS: Final = {
    name: sum(bit for bit, names in _BITS if name in names.split())
    for name in " ".join(names for _, names in _BITS).split()
}
_REWRITTEN: Final = "b big code em font i iframe nobr s small strike strong tt u"
_KNOWN: Final = {name: (name, kind) for name, kind in _KINDS.items()} | {
    CUSTOM + name: (name, _KINDS.get(name, 0)) for name in _REWRITTEN.split()
}
"""Name in the tree -> name and kind."""
BY_NUMBER: Final[dict[int | None, tuple[str, int]]] = {}
"""The parser's number of a name -> the same; a number costs a third of what the name does."""
_OWN_NUMBERS: Final = 256
"""The parser's own names have numbers below; of all others it is where the document keeps them."""


def named(node: LexborNode) -> tuple[str, int]:
    """Name and kind of a node whose number is not known yet, or never is."""
    name = node.tag or "-"
    known = _KNOWN.get(name)
    if known is None:
        return name, NO_ELEMENT if name[0] in "-!_#" else 0
    number = node.tag_id
    if number is not None and number < _OWN_NUMBERS:
        BY_NUMBER[number] = known
    return known
