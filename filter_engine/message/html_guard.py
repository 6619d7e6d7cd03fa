"""HTML without what would cost the HTML parser more than linear time or memory."""

from __future__ import annotations

import re
from typing import Final

from filter_engine.message.limits import MAX_HTML, MAX_TAGS

# HTML, section 13.2.4.3: formatting elements left open are opened anew in every later block, so
# n of them and n blocks make n * n nodes. As custom elements they keep their place and attributes.
_FORMATTING_NAMES: Final = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
# Both cases of each letter: a document has hundreds of tags, and case aside takes twice as long.
_EITHER_CASE: Final = re.sub(
    "[a-z]", lambda found: f"[{found[0]}{found[0].upper()}]", _FORMATTING_NAMES
)
_FORMATTING: Final = re.compile(rf"</?(?=[bcefinstuBCEFINSTU])(?=(?:{_EITHER_CASE})[\s/>])")
# By HTML 5 the content of a frame is one text, which no browser shows; programs that take frames
# out of mails leave it, and Rspamd reads it, as any other markup.
_FRAME: Final = re.compile(r"</?(?=iframe[\s/>])", re.IGNORECASE)
_FRAME_BEGINS: Final = ("<if", "<IF", "<If", "<iF")
_FEW_TAGS: Final = 200
"""The square of half of this is harmless."""
_DATA_URL: Final = re.compile(r"(data:[^\s\"'<>]{64})[^\s\"'<>]+")
# A tag may hold any number of attributes, each compared with all before it.
_MAX_RUN: Final = 16384
_LONG_RUN: Final = re.compile(r"[^<]{16384}")
_CLOSE_ANY_TAG: Final = "\\g<0>\">'>"
CUSTOM: Final = "x-"
"""Put before the names of frames, and of formatting elements where there are many."""


class TagBudget:
    """What is left of the tags one message is worth: those of its HTML parts together.

    A part of ``MAX_TAGS`` nested elements costs the parser most of a second; a message may have a
    thousand parts.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_TAGS

    def take(self, source: str) -> bool:
        """Whether this part is still read as HTML; the last one that is may go beyond."""
        if self._left <= 0:
            return False
        self._left -= source.count("<")
        return True


def guard(source: str) -> str:
    """The document, cut to its bounds and rewritten so that its tree stays small."""
    html = source[:MAX_HTML]
    if "data:" in html:
        html = _DATA_URL.sub(r"\1", html)
    tags = html.count("<")
    if tags > MAX_TAGS:
        html = _first_tags(html)
    if tags > _FEW_TAGS:
        html = _FORMATTING.sub(r"\g<0>" + CUSTOM, html)
    if any(begin in html for begin in _FRAME_BEGINS):
        html = _FRAME.sub(r"\g<0>" + CUSTOM, html)
    if len(html) > _MAX_RUN and max(map(len, html.split("<"))) >= _MAX_RUN:
        html = _LONG_RUN.sub(_CLOSE_ANY_TAG, html)
    return html


def _first_tags(html: str) -> str:
    position = -1
    for _ in range(MAX_TAGS):
        position = html.find("<", position + 1)
    return html[:position]
