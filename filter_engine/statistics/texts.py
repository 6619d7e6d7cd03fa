"""Which parts of a message are texts whose words count, attached ones too, and what they show.

Rspamd reads texts that are attached, and what is HTML whatever its type says: spam is sent as an
attachment of no type.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from filter_engine.message import Message
from filter_engine.message.charset import decode_unlabelled
from filter_engine.message.limits import MAX_TEXT
from filter_engine.message.part import Part

_HTML_NAME: Final = re.compile(r"\.html?\Z", re.IGNORECASE)
_HTML_BEGIN: Final = re.compile(rb"\s{0,64}<(?:!doctype html|html|head|meta|body)\b", re.IGNORECASE)
_MAX_ATTACHED: Final = 8
"""Attached texts that are looked at."""


def texts_of(message: Message) -> tuple[Part, ...]:
    """The parts whose words count; of a message without any its untyped one."""
    parts, found = message.parts, message.text_parts
    attached = tuple(islice((part for part in parts if _is_attached(part)), _MAX_ATTACHED))
    if attached:
        found = tuple(sorted((*found, *attached), key=lambda part: part.index))
    if found:
        return found
    whole = parts[0]
    return (whole,) if whole.type_missing and not whole.is_multipart else ()


def is_page(part: Part) -> bool:
    """Whether an attachment that is no text by its type is HTML, by its name or its beginning."""
    if part.maintype in ("text", "multipart", "message"):
        return False
    name = part.filename
    if name is not None and _HTML_NAME.search(name):
        return True
    return _HTML_BEGIN.match(part.content[:128]) is not None


def visible_text(part: Part) -> str:
    """What a reader sees of one of ``texts_of``."""
    if part.is_text or _is_attached_text(part):
        return part.visible_text
    return part.page_text if is_page(part) else decode_unlabelled(part.content[:MAX_TEXT])


def _is_attached(part: Part) -> bool:
    return not part.is_text and (_is_attached_text(part) or is_page(part))


def _is_attached_text(part: Part) -> bool:
    return part.maintype == "text" and part.is_attachment
